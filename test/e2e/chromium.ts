import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { inflate } from '@sparticuz/chromium'
import { chromium } from 'playwright-core'
import type { Browser } from 'playwright-core'

const PACKED = join(dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')), '../bin')

/** A real Chromium out of npm alone, with the libraries and the font that the package brings: nothing of the machine is needed. */
export interface RealBrowser {
  readonly browser: Browser
  close(): Promise<void>
}

/**
 * Unpacks and starts it, in 2 s. Not through the package's own `executablePath`, which takes whatever lies at /tmp/chromium, half written or of another
 * version, nor with its `args`, which switch web security off: the page's policy is what the test is about.
 */
export async function startChromium(): Promise<RealBrowser> {
  const folder = await mkdtemp(join(tmpdir(), 'isomoe-chromium-'))
  try {
    await unpack(folder)
    await writeFile(join(folder, 'fonts/fonts.conf'), fontsConf(folder))
    const browser = await chromium.launch({
      executablePath: join(folder, 'chromium'),
      args: ['--no-sandbox', '--no-zygote', '--disable-gpu', '--font-render-hinting=none'],
      env: { ...process.env, LD_LIBRARY_PATH: join(folder, 'al2023/lib'), FONTCONFIG_PATH: join(folder, 'fonts') },
    })
    return {
      browser,
      async close() {
        await browser.close()
        await rm(folder, { recursive: true, force: true })
      },
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** `inflate` writes to the folder for temporary files as it is when it is called. */
async function unpack(folder: string): Promise<void> {
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = folder
  try {
    await Promise.all(['chromium.br', 'al2023.tar.br', 'fonts.tar.br'].map((name) => inflate(join(PACKED, name))))
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
}

/** The package's font comes first, so pictures are alike on all machines; what it lacks comes from the machine. */
function fontsConf(folder: string): string {
  const prefer = ['system-ui', 'sans-serif'].map((family) => `<alias><family>${family}</family><prefer><family>Open Sans</family></prefer></alias>`)
  const folders = [`${folder}/fonts`, '/usr/share/fonts'].map((dir) => `<dir>${dir}</dir>`)
  return `<?xml version="1.0"?><fontconfig>${folders.join('')}<cachedir>${folder}/fonts-cache</cachedir>${prefer.join('')}</fontconfig>`
}
