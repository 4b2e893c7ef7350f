import { Command } from 'commander'
import { vi } from 'vitest'
import { errorLine, exitCodeOf } from '../errors.ts'

export interface Ran {
  readonly status: number
  readonly stdout: string
  readonly lines: readonly string[]
}

/** Runs a command as main.ts does, in this process: starting one takes longer than most commands. What it prints is caught, not shown. */
export async function runCommand(command: Command, args: readonly string[]): Promise<Ran> {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined, outputError: () => undefined })
  let stdout = ''
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += String(text)
    return true
  })
  try {
    await command.copyInheritedSettings(program).parseAsync(args, { from: 'user' })
    return { status: 0, stdout, lines: [] }
  } catch (error) {
    return { status: exitCodeOf(error), stdout, lines: [errorLine(error)] }
  } finally {
    write.mockRestore()
  }
}
