import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { inspectCommand } from './inspect.ts'
import { packCommand } from './pack/command.ts'
import { runCommand } from './testing/run-command.ts'
import { planCommand } from './plan/command.ts'

const COST = readFileSync('docs/guides/cost.md', 'utf8')
const SERVE = readFileSync('docs/guides/serve-your-checkpoint.md', 'utf8')
const README = readFileSync('README.md', 'utf8')

describe('docs/guides/cost.md', () => {
  const blocks = consoleBlocks(COST, 'plan')

  it('[CO7] has the plans that it speaks of', () => {
    expect(blocks.length).toBe(4)
  })

  it.each(blocks)('[CO7] isomoe plan $args prints what the guide says', async ({ args, output }) => {
    const { stdout, lines } = await runCommand(planCommand, args.split(' '))
    expect([stdout, ...lines].join('').trimEnd()).toBe(output)
  })
})

describe('docs/guides/serve-your-checkpoint.md', () => {
  const packs = mkdtempSync(join(tmpdir(), 'isomoe-guide-'))
  afterAll(() => rmSync(packs, { recursive: true }))

  it.each(consoleBlocks(SERVE, 'plan'))('[DC4] isomoe plan $args prints what the guide says', async ({ args, output }) => {
    const { stdout, lines } = await runCommand(planCommand, args.split(' '))
    expect([stdout, ...lines].join('').trimEnd()).toBe(output)
  })

  it('[DC4] isomoe pack and inspect print what the guide says', async () => {
    const [[pack], [inspect]] = [consoleBlocks(SERVE, 'pack'), consoleBlocks(SERVE, 'inspect')]
    const here = (args: string) => args.replace(/\bpacks\//, `${packs}/`).split(' ')
    const packed = await runCommand(packCommand, here(pack!.args))
    const untimed = (text: string) => text.replace(/[\d.]+ s$/m, '')
    const [, ...told] = pack!.output.split('\n') // before it, on stderr, a warning
    expect(untimed(packed.stdout.trimEnd())).toBe(untimed(told.join('\n')))
    expect((await runCommand(inspectCommand, here(inspect!.args))).stdout.trimEnd()).toBe(inspect!.output)
  })
})

it('[DC4] what README shows of a plan is in the plan, in this order', async () => {
  const [, args, output] = /`npx isomoe plan (--model models\/demo [^`]*)`:\n\n```\n([\s\S]*?)\n```/.exec(README)!
  const printed = (await runCommand(planCommand, args!.split(' '))).stdout.split('\n')
  const shown = output!.split('\n').filter((line) => line !== '[…]')
  expect(shown.length).toBeGreaterThan(5)
  const places = shown.map((line) => printed.indexOf(line))
  expect(places).not.toContain(-1)
  expect(places).toEqual(places.toSorted((a, b) => a - b))
})

/** Commands of a page with what it says that they print. */
function consoleBlocks(page: string, command: string): { readonly args: string; readonly output: string }[] {
  const blocks = page.matchAll(new RegExp(`\`\`\`console\\n\\$ npx isomoe ${command} (.*)\\n([\\s\\S]*?)\\n\`\`\``, 'g'))
  return Array.from(blocks, ([, args, output]) => ({ args: args!, output: output! }))
}
