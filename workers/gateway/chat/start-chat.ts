import { fail } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import { allowedTokens } from '../access/allowance.ts'
import type { Caller } from '../access/let-in.ts'
import type { GatewayDeps } from '../deps.ts'
import { engineRequest } from '../generate/engine-request.ts'
import { startGeneration } from '../generate/generation.ts'
import type { ChoiceOutput } from '../generate/generation.ts'
import { checkLogprobEntries } from '../generate/logprob-entries.ts'
import { encodeChat, requireCodec } from '../generate/prompt-tokens.ts'
import type { Prompt } from '../generate/prompt-tokens.ts'
import { orRefuse } from '../http/errors.ts'
import type { LoadedModel } from '../model/loaded-model.ts'
import { servedModel } from '../routes/models.ts'
import { renderChat } from '../routes/tokens.ts'
import type { ChatCall, ChatOutput, StartedChat } from './chat-call.ts'

/** Renders, encodes and starts a chat on the engine. Refuses with the first thing that is wrong. */
export async function startChat(deps: GatewayDeps, call: ChatCall, caller: Caller): Promise<StartedChat> {
  orRefuse(checkServed(call))
  const model = await servedModel(deps, call.model)
  const codec = orRefuse(requireCodec(model))
  const prompt = chatPrompt(model, call)
  const { logprobs } = call
  const { requestId, signal, allowance } = caller
  const maxTokens = orRefuse(allowedTokens(allowance, call.maxTokens))
  const job = engineRequest(model, call.sampling, { requestId, prompts: [prompt], maxTokens, logprobs, echo: false, grammar: null }, deps.newSeed)
  orRefuse(await checkLogprobEntries(deps, model, job, call.streamed, signal))
  const generation = orRefuse(await startGeneration(deps, model, job, { stops: call.stops, continuesPrompt: false }, caller))
  return { model, codec, prompt, n: job.n, outputs: chatOutputs(generation.outputs), cancel: generation.cancel }
}

/** What no model here is held to is refused by its name, whichever API asks. */
function checkServed({ tools, format }: ChatCall): Result<void, MoeError> {
  const refuse = (param: string) =>
    fail('invalid-request', `Unsupported parameter: '${param}' is not supported by this server.`, { param, reason: 'unsupported_parameter' })
  if (tools.length > 0) return refuse('tools')
  return format.kind === 'text' ? ok(undefined) : refuse('format')
}

/** What the model reads of a chat. Refuses what the template refuses, and what does not fit. */
export function chatPrompt(model: LoadedModel, { messages, tools }: Pick<ChatCall, 'messages' | 'tools'>): Prompt {
  return orRefuse(encodeChat(model, renderChat(model, messages, { tools, addGenerationPrompt: true })))
}

async function* chatOutputs(outputs: AsyncGenerator<ChoiceOutput, void>): AsyncGenerator<ChatOutput, void> {
  for await (const output of outputs) {
    if (output.type === 'piece') yield { ...output, type: 'text' }
    else if (output.type !== 'prompt') yield output
  }
}
