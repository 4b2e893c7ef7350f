import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { runCommand } from '../testing/run-command.ts'
import { planCommand } from './command.ts'

const GUIDE = readFileSync('docs/guides/cost.md', 'utf8')
const BLOCKS = Array.from(GUIDE.matchAll(/```console\n\$ npx isomoe plan (.*)\n([\s\S]*?)\n```/g), ([, args, output]) => ({ args: args!, output: output! }))

it('[CO7] the guide has the plans that it speaks of', () => {
  expect(BLOCKS.length).toBe(4)
})

it.each(BLOCKS)('[CO7] docs/guides/cost.md: isomoe plan $args prints what the guide says', async ({ args, output }) => {
  const { stdout, lines } = await runCommand(planCommand, args.split(' '))
  expect([stdout, ...lines].join('').trimEnd()).toBe(output)
})
