import { installedVersion } from './install.ts'
import { serveLines } from './serve-lines.ts'
import type { PeerRun, PeerTimes } from './peer-api.ts'

/** The parts of node-llama-cpp that are used; its own types are not there where it is not installed. */
interface LlamaSequence {
  clearHistory(): Promise<void>
  evaluate(tokens: number[], options: { temperature: number; yieldEogToken: boolean }): AsyncIterable<unknown>
}
interface LlamaContext {
  readonly currentThreads: number
  getSequence(): LlamaSequence
}
interface LlamaModel {
  createContext(options: { contextSize: number; batchSize: number; threads: number }): Promise<LlamaContext>
}
interface NodeLlamaCpp {
  getLlama(options: { gpu: false; build: 'never'; maxThreads: number; logLevel: string; progressLogs: boolean }): Promise<{
    loadModel(options: { modelPath: string; gpuLayers: number }): Promise<LlamaModel>
  }>
}

/** Native llama.cpp on one thread of the CPU. usage: node llamacpp-process.ts <model.gguf> */
const packageName: string = 'node-llama-cpp' // not a literal below: the compiler would look for it
const { getLlama } = (await import(packageName)) as NodeLlamaCpp
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: 'error', progressLogs: false })
const model = await llama.loadModel({ modelPath: process.argv[2]!, gpuLayers: 0 })
const context = await model.createContext({ contextSize: 1024, batchSize: 512, threads: 1 })
const sequence = context.getSequence()

await serveLines({ version: `${packageName} ${installedVersion(packageName)}, CPU, threads: ${context.currentThreads}` }, run)
process.exit(0) // the native addon keeps handles open

async function run({ prompt, maxTokens }: PeerRun): Promise<PeerTimes> {
  await sequence.clearHistory()
  const atMs: number[] = []
  const startMs = performance.now()
  for await (const _token of sequence.evaluate([...prompt], { temperature: 0, yieldEogToken: true })) {
    atMs.push(performance.now() - startMs)
    if (atMs.length === maxTokens) break
  }
  return { atMs }
}
