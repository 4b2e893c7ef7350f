import { expect, it } from 'vitest'
import { formatBytes, formatBytesOf, formatMs, formatNumber, formatShare, plural } from './format.ts'

it('[LP4] numbers have the figures that matter, and their unit', () => {
  expect([0, 1023, 1536, 209_715_200].map(formatBytes)).toEqual(['0 B', '1023 B', '1.5 KiB', '200 MiB'])
  expect(formatBytesOf(50 * 2 ** 20, 84 * 2 ** 20)).toBe('50.0 of 84.0 MiB')
  expect([formatBytesOf(1024, 2 ** 20), formatBytesOf(0, 2 ** 20)]).toEqual(['1.0 KiB of 1.0 MiB', '0 of 1.0 MiB'])
  expect([0, 0.1234, 4.567, 45.67, 4567.8].map(formatNumber)).toEqual(['0', '0.123', '4.57', '45.7', '4,568'])
  expect([0.83, 46.2, 2400, 12_345].map(formatMs)).toEqual(['0.8 ms', '46 ms', '2.4 s', '12 s'])
  expect([0.9731, 0.0452, 0.00001, 0].map(formatShare)).toEqual(['97.3 %', '4.52 %', '< 0.01 %', '0.00 %'])
  expect([plural(1, 'copy', 'copies'), plural(2000, 'copy', 'copies')]).toEqual(['1 copy', '2,000 copies'])
})
