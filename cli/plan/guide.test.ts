import { readFileSync } from 'node:fs'
import { afterEach, expect, it, vi } from 'vitest'
import { errorLine } from '../errors.ts'
import { planCommand } from './command.ts'

const GUIDE = readFileSync('docs/guides/cost.md', 'utf8')
const BLOCKS = Array.from(GUIDE.matchAll(/```console\n\$ npx isomoe plan (.*)\n([\s\S]*?)\n```/g), ([, args, output]) => ({ args: args!, output: output! }))

afterEach(() => void vi.restoreAllMocks())

it('[CO7] the guide has the plans that it speaks of', () => {
  expect(BLOCKS.length).toBe(4)
})

it.each(BLOCKS)('[CO7] docs/guides/cost.md: isomoe plan $args prints what the guide says', async ({ args, output }) => {
  let printed = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text)
    return true
  })
  await planCommand.parseAsync(args.split(' '), { from: 'user' }).catch((error: unknown) => (printed += errorLine(error)))
  vi.restoreAllMocks()
  expect(printed.trimEnd()).toBe(output)
})
