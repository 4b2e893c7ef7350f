/**
 * Builds the live page: page/main.tsx, page/page.css and page/page.html → page/build/page.json, one document with all in it, and the headers that it is served
 * with. The document's policy names its own script and style by hash: nothing else runs (docs/design/live-page.md). JSON, because every bundler takes it as it is.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const folder = fileURLToPath(new URL('../page', import.meta.url))
const target = `${folder}/build/page.json`

const [script, style, template] = await Promise.all([bundle('main.tsx'), bundle('page.css'), readFile(`${folder}/page.html`, 'utf8')])
const html = fill(fill(template, '<!-- style -->', `<style>${style}</style>`), '<!-- script -->', `<script>${script}</script>`)
const page = { html, etag: `"${hashOf(html, 'hex').slice(0, 32)}"`, contentSecurityPolicy: policy() }
const temporary = `${target}.${process.pid}`
await mkdir(`${folder}/build`, { recursive: true })
await writeFile(temporary, JSON.stringify(page))
await rename(temporary, target) // whole or not at all: another command may be bundling it
console.log(`page/build/page.json (${(gzipSync(html, { level: 9 }).length / 1024).toFixed(1)} KiB gzip)`)

async function bundle(entry) {
  const options = { format: 'iife', target: 'es2022', jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none', logLevel: 'error' }
  const result = await build({ entryPoints: [`${folder}/${entry}`], bundle: true, minify: true, write: false, ...options })
  return result.outputFiles[0].text.trim()
}

/** A function as replacement: `$&` in a script is text. */
function fill(text, mark, content) {
  if (!text.includes(mark)) throw new Error(`page.html has no ${mark}`)
  return text.replace(mark, () => content)
}

function hashOf(text, encoding) {
  return createHash('sha256').update(text).digest(encoding)
}

/** Trusted types: no code path can make markup of text, whatever a model says. */
function policy() {
  return [
    "default-src 'none'",
    `script-src 'sha256-${hashOf(script, 'base64')}'`,
    `style-src 'sha256-${hashOf(style, 'base64')}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
}
