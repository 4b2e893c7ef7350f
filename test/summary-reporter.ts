import type { Reporter, TestModule } from 'vitest/node'

/** Ends a run with one plain line, `N passed, N failed`, for whoever reads logs by machine. A file that does not load counts as failed. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const states = modules.flatMap((module) => Array.from(module.children.allTests(), (test) => test.result().state))
    const brokenFiles = modules.filter((module) => module.state() === 'failed' && module.errors().length > 0).length
    const count = (state: string) => states.filter((s) => s === state).length
    const skipped = count('skipped') + count('pending')
    const failed = count('failed') + brokenFiles + unhandledErrors.length
    process.stdout.write(`\n${count('passed')} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`)
  }
}
