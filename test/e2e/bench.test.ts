import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { BenchReport } from '../../bench/figures.ts'

const MAIN = resolve(import.meta.dirname, '../../bench/main.ts')

interface Smoke {
  /** Every row of a bench that has few of them, of others those that people compare runs by. */
  readonly rows: readonly string[]
  /** Rows that a machine may lack, as `id: reason`. All others must have been measured. */
  readonly excused?: RegExp
  /** Rows that may be below 0: differences. */
  readonly signed?: RegExp
  /** Rows that must be 0, even in a smoke test. */
  readonly zero?: RegExp
}

const MODEL_PARTS = 'decode1 decode4 decode16 prefill64 prefill512 outside_kernels step.wall step.rpc step.idle limit_over_measured'

const BENCHES: Readonly<Record<string, Smoke>> = {
  kernels: {
    rows: words(
      'q4.gemv_over_read q4.gemv_experts_over_read q8.gemv_over_read q8.gemv_experts_over_read q4.gemm8_over_peak',
      'read1.out read2.out read2.l2 dot_peak plain.q4.gemv.out plain.q8.gemm8.l2',
    ),
  },
  copy: {
    rows: [
      ...words('order_ms probe_ms.24 peak_over_steady'),
      ...words('neighbours scattered').flatMap((how) =>
        words('1 2 8 24').flatMap((n) => words(`r2_ms.${how}.${n} peer_ms.${how}.${n} peer_over_r2.${how}.${n}`)),
      ),
    ],
  },
  attention: {
    rows: words('decode256 decode1024 decode4096 decode256x16 prefill512').flatMap((run) => [`i8.${run}`, `f32.${run}`, `${run}.f32_over_i8`]),
  },
  model: {
    rows: [
      ...words('spread_over_packed rtt2.lanes4_over_lanes1 batch16_over_batch1 bytes_per_token read_bandwidth'),
      ...words(MODEL_PARTS).flatMap((part) => [`${part}.one_host`, `${part}.deployed`]),
    ],
    excused: /^model\.step\.idle\.\w+: this system does not say how long a process ran$/,
  },
  peers: {
    rows: words(
      'decode1.q4_over_llamacpp decode1.q8_over_llamacpp decode1.q4_deployed_over_llamacpp prefill512.q4_over_llamacpp decode1.q4_over_wllama',
      'decode1.isomoe_q4 decode1.isomoe_q8 decode1.isomoe_q4_deployed decode1.llamacpp_q4 decode1.llamacpp_q8 decode1.wllama_q4',
      'prefill512.isomoe_q4 prefill512.llamacpp_q4',
    ),
    excused: /^peers\.\w+\.\w*(llamacpp|wllama)\w*: (not installed: run without --quick|no Chromium here: set CHROMIUM_PATH|(llamacpp|wllama)-process\.ts .+)$/,
  },
  journal: {
    rows: words('write_ms decode1.none decode16.none decode1.unconfirmed500_over_none decode16.confirmed0_over_none cpu16.unconfirmed0_over_none'),
    excused: /^journal\.cpu\d+\.\w+: this system does not say how long a process ran$/,
  },
  processes: {
    rows: words('call_us.one call_us.between callback_us.between parallel.between stream_mib_s.between peer_mib_s.between lost_ms back_ms'),
  },
  serve: {
    rows: words(
      'start_to_first_token_ms start_to_first_token_unseeded_ms ttft_ms ttft_uncached_ms ttft_cached_ms',
      'tokens_per_s.1 tokens_per_s.4 tokens_per_s.16 kv_bytes_over_formula',
      'rawread_ms rawread_kept_ms sha256_ms coldload_ms coldload_over_rawread coldload_over_limit',
    ),
  },
  elastic: {
    rows: words(
      'failed altered dip bytes_over_replica latency_ms latency_over_replica latency_over_cold peak_over_steady back_to_base slo_gain kill_gap',
      'dip_replica dip_cold latency_ms_replica latency_ms_cold kill_gap_engine_ms',
    ),
    signed: /^elastic\.(dip|slo_gain)/,
    zero: /^elastic\.(failed|altered)$/,
  },
  plan: {
    rows: words(
      'balance_interleaved moves_interleaved balance_file moves_file churn_stationary ms_256x32 golden_difference',
      'balance_interleaved.eplb_even balance_interleaved.pinned moves_interleaved.eplb step_interleaved balance_interleaved.shuffled',
      'ms_256x32.eplb split_us.no_replicas split_us.1 split_us.64',
    ),
  },
}

it.each(Object.entries(BENCHES))('bench %s --quick gives every row, and measures all that is ours', async (name, { rows, excused, signed, zero }) => {
  const { figures } = await runQuick(name)
  expect(figures.map(({ id }) => id)).toEqual(expect.arrayContaining(rows.map((row) => `${name}.${row}`)))
  for (const figure of figures) {
    if ('missing' in figure) expect(`${figure.id}: ${figure.missing}`).toMatch(excused ?? 'a figure')
    else if (zero?.test(figure.id)) expect(figure.max, figure.id).toBe(0)
    else if (signed?.test(figure.id)) expect(figure.median, figure.id).toBeLessThanOrEqual(1)
    else expect(figure.median, figure.id).toBeGreaterThanOrEqual(0)
  }
})

async function runQuick(name: string): Promise<BenchReport> {
  const folder = await mkdtemp(join(tmpdir(), 'isomoe-bench-'))
  try {
    const json = join(folder, 'report.json')
    await promisify(execFile)(process.execPath, [MAIN, name, '--quick', '--json', json])
    return JSON.parse(await readFile(json, 'utf8')) as BenchReport
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function words(...lines: string[]): string[] {
  return lines.flatMap((line) => line.split(' '))
}
