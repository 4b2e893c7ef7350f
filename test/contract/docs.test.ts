import { globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import { POLICY_DEFAULT } from '../../shared/placement/policy.ts'
import { ERROR_CODES } from '../../shared/protocol/errors.ts'
import type { ErrorCode, MoeError } from '../../shared/protocol/errors.ts'
import { METRIC_PREFIX, METRICS } from '../../shared/protocol/metric-names.ts'
import { errorEnvelope, statusOf } from '../../workers/gateway/http/errors.ts'
import { selectorsOf } from '../fixtures/grafana-queries.ts'

const PAGES = ['README.md', ...globSync('docs/**/*.md')].map(normalize)
const OPERATE = readFileSync('docs/guides/operate.md', 'utf8')

describe('[DC1] links', () => {
  it.each(PAGES)('%s: every relative link leads to a file, and to a heading where it names one', (page) => {
    expect(linksOf(page).filter((link) => !leadsSomewhere(page, link))).toEqual([])
  })

  it('every page is linked from docs/README.md or docs/guides/README.md', () => {
    const indexes = ['docs/README.md', 'docs/guides/README.md']
    const listed = new Set([...indexes, ...indexes.flatMap((page) => linksOf(page).map((link) => targetOf(page, link).file))])
    expect(PAGES.filter((page) => page !== 'README.md' && !listed.has(page))).toEqual([])
  })

  it('a link to nowhere is found', () => {
    expect(leadsSomewhere('docs/README.md', 'design/no-such-page.md')).toBe(false)
    expect(leadsSomewhere('docs/README.md', 'design/keys.md#no-such-heading')).toBe(false)
    expect(leadsSomewhere('docs/README.md', 'design/keys.md#isomoe-keys')).toBe(true)
  })
})

it.each(PAGES)('[DC2] %s has no marks of a merge and no text that waits to be written', (page) => {
  expect(readFileSync(page, 'utf8').match(/^(<{7}|={7}$|>{7}).*|@@[A-Z]+@@/gm)).toBeNull()
})

describe('[DC3] docs/guides/operate.md', () => {
  it('has every error code, with its status and whether a retry may help', () => {
    const rows = Array.from(OPERATE.matchAll(/^\| ((?:`\w+`(?:, )?)+) \| (\d{3}) \| (yes|no) \|/gm), ([, names, status, retry]) => {
      return Array.from(names!.matchAll(/\w+/g), ([name]) => [name, `${status} ${retry}`] as const)
    })
    const told = new Map(rows.flat())
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
      for (const error of errorsOf(code)) {
        expect([errorEnvelope(error).error.code, told.get(errorEnvelope(error).error.code)]).toEqual([
          errorEnvelope(error).error.code,
          `${statusOf(error)} ${ERROR_CODES[code].retryable ? 'yes' : 'no'}`,
        ])
      }
    }
  })

  it('has every field of the policy', () => {
    expect(Object.keys(POLICY_DEFAULT).filter((field) => !OPERATE.includes(`\`${field}\``))).toEqual([])
  })

  it('has queries that are PromQL, of metrics that there are', () => {
    const queries = Array.from(OPERATE.matchAll(/`([^`\n]*isomoe:[^`\n]*)`/g), ([, query]) => query!.replaceAll('\\|', '|'))
    expect(queries.length).toBeGreaterThan(15)
    const known = new Map<string, string>(Object.values(METRICS).map(({ name, type }) => [METRIC_PREFIX + name, type]))
    const unknown = queries.flatMap(selectorsOf).filter(({ name }) => !known.has(name) && known.get(name.replace(/_(bucket|sum|count)$/, '')) !== 'histogram')
    expect(unknown).toEqual([])
  })
})

function errorsOf(code: ErrorCode): MoeError[] {
  const error = (details: object) => ({ code, message: code, ...ERROR_CODES[code], details }) as MoeError
  if (code !== 'invalid-request') return [error({})]
  const reasons = ['invalid_value', 'invalid_json', 'unknown_parameter', 'unsupported_parameter', 'not_found']
  return reasons.map((reason) => error({ reason, param: null }))
}

/** Links and pictures of a page that stay in the repository. Those inside code are no links. */
function linksOf(page: string): string[] {
  const text = readFileSync(page, 'utf8')
    .replace(/^```[\s\S]*?^```$/gm, '')
    .replace(/`[^`\n]*`/g, '')
  const links = Array.from(text.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"/g), ([, link, source]) => (link ?? source)!)
  return links.filter((link) => !/^[a-z]+:/.test(link))
}

function targetOf(page: string, link: string): { readonly file: string; readonly heading: string | undefined } {
  const [path, heading] = link.split('#')
  return { file: path === '' ? page : normalize(join(dirname(page), path!)), heading }
}

function leadsSomewhere(page: string, link: string): boolean {
  const { file, heading } = targetOf(page, link)
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return false
  return heading === undefined || headingsOf(file).includes(heading)
}

/** As GitHub makes anchors of headings: lower case, no punctuation, hyphens for spaces. */
function headingsOf(page: string): string[] {
  const text = readFileSync(page, 'utf8').replace(/^```[\s\S]*?^```$/gm, '')
  return Array.from(text.matchAll(/^#{1,6} (.+)$/gm), ([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
