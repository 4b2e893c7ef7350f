import { readFile } from 'node:fs/promises'

/** Scores texts through a server. usage: perplexity.mjs <url> <JSON lines of {text}> */
const [url, file] = process.argv.slice(2)
const headers = { 'content-type': 'application/json', authorization: `Bearer ${process.env.ISOMOE_API_KEY ?? 'none'}` }
const model = (await answerOf(fetch(`${url}/v1/models`, { headers }))).data[0].id
const texts = (await readFile(file, 'utf8')).trim().split('\n')
let nats = 0
let tokens = 0
for (const line of texts) {
  const body = JSON.stringify({ model, prompt: JSON.parse(line).text, max_tokens: 0, echo: true, logprobs: 0 })
  const { choices } = await answerOf(fetch(`${url}/v1/completions`, { method: 'POST', headers, body }))
  // the first token has no probability: nothing stands before it
  for (const logprob of choices[0].logprobs.token_logprobs.slice(1)) {
    nats -= logprob
    tokens++
  }
}
console.log(`${texts.length} texts, ${tokens} tokens, perplexity ${Math.exp(nats / tokens).toFixed(4)}`)

async function answerOf(reply) {
  const answer = await (await reply).json()
  if (answer.error) throw new Error(answer.error.message)
  return answer
}
