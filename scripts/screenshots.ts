/**
 * Takes the pictures of the README: docs/images/live-page-{light,dark,phone}.png, of a real instance whose load shifts while they are taken.
 * `npm run screenshots`; half a minute. Two base hosts and four standbys of an emulated rate, so that copies pay on any machine.
 */
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { startChromium } from '../test/e2e/chromium.ts'
import { startDomainLoad } from '../test/e2e/domain-load.ts'
import { startInstance } from '../test/e2e/instance.ts'

const CLIENTS = 3
/** Tokens of the answer that are there when a picture is taken, and the one that is pointed at. */
const TOKENS = 110
const POINTED = 38
const DESKTOP = { viewport: { width: 1440, height: 1180 }, deviceScaleFactor: 1.2 }
const PHONE = { viewport: { width: 390, height: 1500 }, deviceScaleFactor: 1.5 }

const instance = await startInstance(['--hosts', '2', '--standby', '4', '--host-rate', '400000000'])
const browser = await startChromium()
try {
  const policy = { windowMs: 500, smoothingWindows: 4, gainMin: 0.1, movesMax: 8, stayMs: 20_000 }
  await fetch(`${instance.url}/admin/policy`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(policy) })
  const [page, phone] = [await open(DESKTOP), await open(PHONE)]
  const stopStories = startDomainLoad(instance.url, 'story', CLIENTS)
  await page.locator('[data-event="5"]').waitFor()
  await stopStories()
  const stopGerman = startDomainLoad(instance.url, 'german', CLIENTS)
  await page.locator('[data-event="9"]').waitFor()
  await ask(page)
  await page.locator('.cell.new').first().waitFor()
  await take(page, 'light')
  await page.emulateMedia({ colorScheme: 'dark' })
  await take(page, 'dark')
  await ask(phone)
  await take(phone, 'phone')
  await stopGerman()
} finally {
  await browser.close()
  await instance.stop()
}

async function open(options: typeof DESKTOP): Promise<Page> {
  const page = await browser.newPage({ ...options, colorScheme: 'light' })
  await page.goto(instance.url)
  await page.locator('.host').first().waitFor()
  return page
}

async function ask(page: Page): Promise<void> {
  await page.getByLabel('Seed').fill('7')
  await page.getByLabel('Message').fill('Tell me a story about a dog.')
  await page.keyboard.press('Enter')
  await page.locator('.tokens .token').nth(TOKENS).waitFor()
}

async function take(page: Page, name: string): Promise<void> {
  await page.locator('.tokens .token').nth(POINTED).hover()
  const path = resolve(import.meta.dirname, `../docs/images/live-page-${name}.png`)
  await page.screenshot({ path, animations: 'disabled' })
  console.log(`docs/images/live-page-${name}.png (${(statSync(path).size / 1024).toFixed(0)} KiB)`)
}
