#!/usr/bin/env node
// Starts the command line. It is TypeScript that Node runs as it is, from version 24 on; an older Node starts the one that the
// `node` package brought along. Plain JavaScript, because the older one must read this file.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NODE_MAJOR_MIN = 24

if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) {
  await import('../cli/main.ts')
} else {
  runWith(findNode())
}

/** Path of the `node` package's binary, null if it is not installed or too old as well. */
function findNode() {
  try {
    const packagePath = createRequire(import.meta.url).resolve('node/package.json')
    const { version, bin } = JSON.parse(readFileSync(packagePath, 'utf8'))
    return parseInt(version, 10) >= NODE_MAJOR_MIN ? join(dirname(packagePath), bin.node) : null
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') return null
    throw error
  }
}

function runWith(node) {
  if (node === null)
    return fail(`Node ${NODE_MAJOR_MIN} or newer is needed, this is ${process.version}: install it, or the "node" package beside isomoe (node-missing)`)
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  const forward = (signal) => child.kill(signal)
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, forward)
  child.on('error', (error) => fail(`${node} does not start: ${error.message} (node-missing)`))
  child.on('exit', (code, signal) => {
    for (const name of signals) process.off(name, forward)
    if (signal) process.kill(process.pid, signal) // end as the child did, so that a shell sees the same
    else process.exitCode = code
  })
}

function fail(message) {
  process.stderr.write(`isomoe: ${message}\n`)
  process.exitCode = 1
}
