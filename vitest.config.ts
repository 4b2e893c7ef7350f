import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    reporters: ['default', './test/summary-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'shared/**/*.test.ts',
            'wasm/src/**/*.test.ts',
            'cli/**/*.test.ts',
            'workers/**/*.test.ts',
            'page/**/*.test.ts',
            'bench/**/*.test.ts',
            'test/contract/**/*.test.ts',
          ],
          testTimeout: 60_000,
        },
      },
      {
        // Engine and hosts in one Node process: the workers' code without the platform.
        test: { name: 'cluster', include: ['test/cluster/**/*.test.ts'], globalSetup: ['test/e2e/pack-fixtures.ts'], testTimeout: 300_000 },
      },
      {
        // What only the runtime does: Durable Objects, eviction, R2, WASM by static import.
        plugins: [cloudflareTest({ wrangler: { configPath: './test/workerd/wrangler.toml' } })],
        test: { name: 'workerd', include: ['test/workerd/**/*.test.ts'] },
      },
      {
        // Real instances over HTTP, after all others, two files at a time: most of an instance is one thread.
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/pack-fixtures.ts'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
