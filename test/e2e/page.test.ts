import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Policy } from '../../shared/placement/policy.ts'
import { PHASES } from '../../shared/protocol/autoscaler-api.ts'
import { startChromium } from './chromium.ts'
import { startDomainLoad } from './domain-load.ts'
import { startInstance } from './instance.ts'
import type { Instance } from './instance.ts'

// The live page in a real Chromium. Its script runs in the browser: what is asked of the document is asked in strings.

const QUESTION = 'Tell me a story about a dog.'
/** With it the demo tells on to the last of 900 tokens; with others it ends after 130. */
const SEED = 7
/** Quick windows, and copies that may go at once: the policy follows a shift within seconds. */
const POLICY: Partial<Policy> = { windowMs: 250, smoothingWindows: 3, gainMin: 0.1, movesMax: 4, stayMs: 0 }

let instance: Instance
let browser: Browser
let page: Page
/** All that the page asked for, and all that the browser complained of. */
const requested: string[] = []
const complaints: string[] = []

beforeAll(async () => {
  ;[instance, browser] = await Promise.all([startInstance(['--hosts', '2', '--standby', '1', '--host-rate', '400000000']), startChromium()])
  await setPolicy({ ...POLICY, enabled: false })
  page = await open()
})

afterAll(async () => {
  await browser.close()
  expect(await instance.stop()).toBe(0)
})

async function open(): Promise<Page> {
  const opened = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  opened.setDefaultTimeout(30_000)
  opened.on('request', (request) => void requested.push(request.url()))
  opened.on('pageerror', (error) => void complaints.push(String(error)))
  opened.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  return opened
}

async function setPolicy(change: Partial<Policy>): Promise<void> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(change) }
  expect((await fetch(`${instance.url}/admin/policy`, init)).status).toBe(200)
}

const tokens = () => page.locator('.tokens .token')

describe('the chat', () => {
  it('[LP2] streams an answer that was asked for by keyboard alone', async () => {
    await page.goto(instance.url)
    await page.locator('.pill.good').waitFor()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter') // the first stop skips to the chat
    await page.keyboard.type(QUESTION)
    for (const key of ['Tab', 'Tab', 'Tab', 'Control+A']) await page.keyboard.press(key) // past Send and Temperature
    await page.keyboard.type('900')
    await page.keyboard.press('Tab')
    await page.keyboard.type(String(SEED))
    await page.keyboard.press('Enter')
    await tokens().nth(5).waitFor()
    const early = await tokens().count()
    await page.getByText('streaming…').waitFor()
    await tokens()
      .nth(early + 20)
      .waitFor() // it grows while it streams
    await page.getByRole('button', { name: 'Stop' }).press('Enter')
    await page.getByText('stopped by you').waitFor()
    await page.locator('.figure', { hasText: /^requests running0/ }).waitFor() // and at the engine
    expect(await page.locator('.meta').textContent()).toMatch(/^\d+ tokens · [\d.]+ tokens\/s · first after .+ · stopped by you$/)
  })

  it('[LP3] shows the probability of a token on hover and on focus, with alternatives', async () => {
    await tokens().nth(8).hover()
    const details = page.getByRole('tooltip')
    expect(await details.locator('tr').count()).toBeGreaterThanOrEqual(5)
    expect(await details.locator('tr.chosen td').last().textContent()).toMatch(/^(< )?[\d.]+ %$/)
    await page.locator('h1').hover()
    await details.waitFor({ state: 'detached' })

    await tokens().first().focus()
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    expect(await page.evaluate('document.activeElement.dataset.index')).toBe('2')
    expect(await page.evaluate("document.getElementById(document.activeElement.getAttribute('aria-describedby')).getAttribute('role')")).toBe('tooltip')
    await page.keyboard.press('End')
    expect(await page.evaluate('document.activeElement.dataset.index')).toBe(String((await tokens().count()) - 1))
    await page.keyboard.press('Escape')
    await details.waitFor({ state: 'detached' })
  })

  it('[LP2] shows the code of a refusal', async () => {
    await page.getByLabel('Message').fill('And then? '.repeat(600)) // more than the context
    await page.keyboard.press('Enter')
    await page.locator('.error code').getByText('context_length_exceeded').waitFor()
    expect(complaints.splice(0)).toEqual([expect.stringContaining('400 (Bad Request)')]) // Chromium's own line for any 400
  })
})

/** What axe says of a fault. */
interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

/** Cells of extra copies that the page shows, as `host layer.expert`. */
function extras(): Promise<string[]> {
  const name = (cell: string) => `${cell}.closest('.host').dataset.host + ' ' + ${cell}.dataset.layer + '.' + ${cell}.dataset.expert`
  return page.evaluate(`[...document.querySelectorAll('.cell[data-kind="extra"]')].map((cell) => ${name('cell')})`)
}

/** Asked from here: Playwright's own waiting for a function needs `eval`, which the page's policy forbids. */
const POLL = { timeout: 30_000, interval: 100 }

describe('the cluster', () => {
  it('[LP4] [LP5] shows copies as the policy makes them, and others when the load shifts', async () => {
    expect(await extras()).toEqual([])
    await setPolicy({ enabled: true })
    const stopStories = startDomainLoad(instance.url, 'story', 2)
    await expect.poll(extras, POLL).not.toEqual([])
    await stopStories()
    const before = await extras()
    const stopGerman = startDomainLoad(instance.url, 'german', 2)
    await expect.poll(async () => (await extras()).filter((cell) => !before.includes(cell)), POLL).not.toEqual([])
    await page
      .locator('.event[data-state="done"] [data-phase="copy"]', { hasText: /MiB|KiB/ })
      .first()
      .waitFor()
    await page.locator('.expert[data-replicas="2"]').first().waitFor()
    await stopGerman()
    const event = page.locator('.event', { has: page.locator('.event-head', { hasText: 'load' }) }).first()
    expect(await event.locator('[data-phase]').evaluateAll((phases) => phases.map((phase) => phase.getAttribute('data-phase')))).toEqual(PHASES)
    await setPolicy({ enabled: false })
  })

  it('[LP8] says in words what the cells say in colours, by keyboard', async () => {
    await page.locator('.map [tabindex="0"]').focus()
    for (const key of ['Home', 'ArrowDown', 'ArrowRight']) await page.keyboard.press(key)
    expect(await page.locator('.readout').textContent()).toMatch(
      /^Layer 1, expert 1: [\d.,]+ pairs\/s, [\d.]+ × the mean of its layer; \d replicas? on expert-0/,
    )
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toBe(await page.locator('.readout').textContent())
    await page.locator('.host .cell.pointed[data-layer="1"][data-expert="1"]').first().waitFor()
  })

  it('[LP8] on a dark phone has no fault that axe finds, and nothing is wider than it', async () => {
    await page.evaluate(await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'))
    await page.setViewportSize({ width: 360, height: 780 })
    await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
    const { violations } = await page.evaluate<{ violations: Violation[] }>(
      "axe.run({ exclude: ['.older'] }, { resultTypes: ['violations'], elementRef: false })",
    )
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => html.slice(0, 120) + failureSummary)])).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
  })

  it('[LP7] a page that is hidden closes its stream, and goes on from the last event when it is seen again', async () => {
    const show = (hidden: boolean) =>
      page.evaluate(
        `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))`,
      )
    const closed = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/admin/events'))
    await show(true)
    await closed
    const again = ['/admin/events', '/admin/state'].map((path) => page.waitForRequest((request) => request.url().endsWith(path)))
    await show(false)
    const [events] = await Promise.all(again)
    expect(Number(await events!.headerValue('last-event-id'))).toBeGreaterThan(0)
  })

  it('[LP1] nothing but the instance itself was asked for, and the browser has nothing to complain of', () => {
    expect(requested.filter((url) => !url.startsWith(`${instance.url}/`))).toEqual([])
    expect(complaints).toEqual([])
  })
})

describe('what is not ours', () => {
  it('[LP9] markup from a model, a host or an error is text', async () => {
    const hostile = await open()
    const markup = '<img src=x onerror=alert(1)><script>alert(2)</script>'
    const chunk = { choices: [{ delta: { content: markup }, logprobs: { content: [{ token: markup, logprob: -0.1, bytes: null, top_logprobs: [] }] } }] }
    const body = `data: ${JSON.stringify(chunk)}\n\ndata: ${JSON.stringify({ error: { code: markup, message: markup } })}\n\n`
    await hostile.route('**/v1/chat/completions', (route) => route.fulfill({ contentType: 'text/event-stream', body }))
    await hostile.route('**/admin/state', async (route) => {
      const answer = await route.fetch()
      await route.fulfill({ response: answer, body: (await answer.text()).replaceAll('expert-00', JSON.stringify(markup).slice(1, -1)) })
    })
    await hostile.goto(instance.url)
    await hostile.getByLabel('Message').fill(markup)
    await hostile.keyboard.press('Enter')
    await hostile.locator('.token', { hasText: markup }).waitFor()
    await hostile.locator('.error', { hasText: markup }).waitFor()
    await hostile.locator('.host strong', { hasText: markup }).waitFor()
    expect(await hostile.locator('img, body > script:not(:last-of-type)').count()).toBe(0)
    expect(complaints).toEqual([])
    await hostile.close()
  })

  it('[LP6] asks for keys where the server does, keeps them in the tab, and never puts them into an address', async () => {
    const guarded = await open()
    const from = requested.length
    await guarded.route(/\/(v1|admin)\//, async (route) => {
      const wanted = `Bearer ${route.request().url().includes('/admin/') ? 'admin-key' : 'api-key'}`
      if ((await route.request().headerValue('authorization')) === wanted) return route.fallback()
      return route.fulfill({ status: 401, json: { error: { code: 'invalid_api_key', message: 'no' } } })
    })
    await guarded.goto(instance.url)
    await guarded.getByLabel('API key').fill('api-key')
    await guarded.getByLabel('Admin key').fill('admin-key')
    await guarded.keyboard.press('Enter')
    await guarded.locator('.host').first().waitFor()
    await guarded.getByText('isomoe-demo').waitFor()
    expect(await guarded.locator('#keys').count()).toBe(0)
    await guarded.reload()
    await guarded.locator('.host').first().waitFor()
    expect(await guarded.evaluate('[sessionStorage.length, localStorage.length, document.cookie]')).toEqual([2, 0, ''])
    expect(requested.slice(from).filter((url) => url.includes('key'))).toEqual([])
    await guarded.close()
  })
})
