const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB'] as const

/** 1536 → `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${BYTE_UNITS[unit]}`
}

/** `47.7 of 84.0 MiB`, the first unit only where it is another one. */
export function formatBytesOf(part: number, whole: number): string {
  const [value, unit] = formatBytes(part).split(' ')
  const of = formatBytes(whole)
  return `${value}${part > 0 && !of.endsWith(` ${unit}`) ? ` ${unit}` : ''} of ${of}`
}

/** Three figures that matter: 0.123, 4.57, 45.7, 457, 4,570. */
export function formatNumber(value: number): string {
  if (value === 0) return '0'
  const magnitude = Math.abs(value)
  const digits = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3
  return value.toLocaleString('en-US', { maximumFractionDigits: digits })
}

/** `0.8 ms`, `46 ms`, `2.4 s`. */
export function formatMs(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(0)} s`
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`
  return ms >= 10 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(1)} ms`
}

/** A probability in percent: `97.3 %`, `0.04 %`, `< 0.01 %`. */
export function formatShare(share: number): string {
  const percent = share * 100
  if (percent > 0 && percent < 0.01) return '< 0.01 %'
  return `${percent.toFixed(percent >= 10 ? 1 : 2)} %`
}

/** `1 host`, `2 hosts`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`
}
