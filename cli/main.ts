import { Command } from 'commander'
import packageJson from '../package.json' with { type: 'json' }
import { costCommand } from './cost/command.ts'
import { deployCommand, destroyCommand } from './deploy/command.ts'
import { devCommand } from './dev/command.ts'
import { errorLine, exitCodeOf } from './errors.ts'
import { inspectCommand } from './inspect.ts'
import { keysCommand } from './keys/command.ts'
import { loadCommand } from './load/command.ts'
import { packCommand } from './pack/command.ts'
import { planCommand } from './plan/command.ts'
import { probeCommand } from './probe/command.ts'

const program = new Command('isomoe')
  .description(packageJson.description)
  .version(packageJson.version)
  .exitOverride()
  .configureOutput({ writeErr: () => undefined, outputError: () => undefined }) // errors are printed below, all in one way

for (const command of [
  packCommand,
  inspectCommand,
  planCommand,
  costCommand,
  probeCommand,
  devCommand,
  loadCommand,
  keysCommand,
  deployCommand,
  destroyCommand,
]) {
  program.addCommand(command.copyInheritedSettings(program))
  for (const part of command.commands) part.copyInheritedSettings(command)
}

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeOf(error)
  if (process.exitCode !== 0) process.stderr.write(`${errorLine(error)}\n`)
}
