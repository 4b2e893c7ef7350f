import { createProgress } from '../progress.ts'
import type { LoadCounts } from './run-load.ts'

/** A line that is drawn over itself can say more often how it stands than a log. */
const EVERY_MS = { tty: 500, log: 10_000 }

/** Says how far a run is: time, answers, output, what is open, failures. SPEC CL2. */
export function startLoadProgress(warmupMs: number, durationMs: number): { say(counts: LoadCounts): void; stop(): void } {
  const progress = createProgress('load', process.stderr)
  const everyMs = process.stderr.isTTY ? EVERY_MS.tty : EVERY_MS.log
  let doneMs = 0
  let last: { readonly atMs: number; readonly counts: LoadCounts } | null = null
  progress.start(warmupMs + durationMs)
  return {
    say(counts) {
      const atMs = counts.elapsedMs + warmupMs
      if (last !== null && atMs - last.atMs < everyMs) return
      const doneNowMs = Math.min(atMs, warmupMs + durationMs)
      progress.advance(Math.max(0, doneNowMs - doneMs), stageText(counts, last))
      doneMs = Math.max(doneMs, doneNowMs)
      last = { atMs, counts }
    },
    stop: () => progress.stop(),
  }
}

function stageText(counts: LoadCounts, last: { readonly counts: LoadCounts } | null): string {
  const seconds = last === null ? 0 : (counts.elapsedMs - last.counts.elapsedMs) / 1000
  const rate = (key: 'ok' | 'pieces') => (seconds > 0 ? ((counts[key] - last!.counts[key]) / seconds).toFixed(1) : '0.0')
  const time = counts.elapsedMs < 0 ? 'warm-up' : `${(counts.elapsedMs / 1000).toFixed(0)} s`
  return `${time}, ${rate('ok')} answers/s, ${counts.open} open, ${counts.ok} answered, ${counts.failed} failed`
}
