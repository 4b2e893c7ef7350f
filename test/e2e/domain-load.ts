import { BUILT_IN_DOMAINS } from '../../cli/load/built-in-domains.ts'

/** Clients that send prompts of one domain, one after the other, until they are told to stop. Stopping waits for what is under way, and throws what went wrong. */
export function startDomainLoad(url: string, domain: 'story' | 'german', clientCount: number): () => Promise<void> {
  const { prompts } = BUILT_IN_DOMAINS[domain]!
  const ended = new AbortController()
  const client = async (first: number): Promise<void> => {
    for (let i = first; !ended.signal.aborted; i += clientCount) {
      const body = { model: 'isomoe-demo', prompt: prompts[i % prompts.length]!, max_tokens: 24, temperature: 0.8, seed: i, ignore_eos: true }
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
      const answer = await fetch(`${url}/v1/completions`, init)
      const text = await answer.text()
      if (answer.status !== 200) throw new Error(text)
    }
  }
  const clients = Promise.allSettled(Array.from({ length: clientCount }, (_, i) => client(i)))
  return async () => {
    ended.abort()
    for (const outcome of await clients) if (outcome.status === 'rejected') throw outcome.reason
  }
}
