import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { inflate } from '@sparticuz/chromium'
import { chromium } from 'playwright-core'
import type { Browser } from 'playwright-core'

const PACKAGE = join(dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')), '..')
const CACHE = resolve(import.meta.dirname, '../../node_modules/.cache/isomoe-chromium')

/**
 * A real Chromium out of npm alone, with the libraries and the font that the package brings: nothing of the machine is needed but glibc. Unpacked once, in 2 s.
 * Not through the package's own `executablePath`, which takes whatever lies at /tmp/chromium, half written or of another version, nor with its `args`, which
 * switch web security off: the page's policy is what the test is about.
 */
export async function startChromium(): Promise<Browser> {
  const { version } = JSON.parse(await readFile(join(PACKAGE, 'package.json'), 'utf8')) as { version: string }
  const folder = join(CACHE, version)
  if (!existsSync(folder)) await unpackTo(folder)
  return chromium.launch({
    executablePath: join(folder, 'chromium'),
    args: ['--no-sandbox', '--no-zygote', '--disable-gpu', '--font-render-hinting=none'],
    env: { ...process.env, LD_LIBRARY_PATH: join(folder, 'al2023/lib'), FONTCONFIG_PATH: join(folder, 'fonts') },
  })
}

/** Whole or not at all: what is killed on its way, or comes second, leaves the folder alone. */
async function unpackTo(folder: string): Promise<void> {
  await mkdir(CACHE, { recursive: true })
  const temporary = await mkdtemp(join(CACHE, 'new-'))
  await inflateTo(temporary)
  await writeFile(join(temporary, 'fonts/fonts.conf'), fontsConf(folder))
  await rename(temporary, folder).catch(async (error: unknown) => {
    await rm(temporary, { recursive: true })
    if (!existsSync(folder)) throw error
  })
}

/** `inflate` writes to the folder for temporary files as it is when it is called. */
async function inflateTo(folder: string): Promise<void> {
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = folder
  try {
    await Promise.all(['chromium.br', 'al2023.tar.br', 'fonts.tar.br'].map((name) => inflate(join(PACKAGE, 'bin', name))))
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
