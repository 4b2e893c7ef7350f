import { fail } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { err, ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import { allowedTokens } from '../access/allowance.ts'
import type { Caller } from '../access/let-in.ts'
import type { GatewayDeps } from '../deps.ts'
import { checkGrammar } from '../generate/engine-call.ts'
import { engineRequest } from '../generate/engine-request.ts'
import { startGeneration } from '../generate/generation.ts'
import type { ChoiceOutput } from '../generate/generation.ts'
import { checkLogprobEntries } from '../generate/logprob-entries.ts'
import { encodeChat, requireCodec } from '../generate/prompt-tokens.ts'
import type { Prompt } from '../generate/prompt-tokens.ts'
import { servedModel } from '../generate/served-model.ts'
import { orRefuse, Refusal } from '../http/errors.ts'
import type { LoadedModel } from '../model/loaded-model.ts'
import { reveal } from '../model/special-text.ts'
import type { TemplateVariables } from '../model/template-variables.ts'
import type { TextCodec } from '../model/text-codec.ts'
import { planChat } from './answer-plan.ts'
import type { AnswerPlan, ChatPlan, PromptParts } from './answer-plan.ts'
import type { ChatCall, ChatOutput, StartedChat } from './chat-call.ts'
import { inOwnNames } from './field-names.ts'
import { renderChat } from './render-chat.ts'
import { ChoiceReader } from './choice-reader.ts'

/** Renders, encodes and starts a chat on the engine. Refuses with the first thing that is wrong, in the words of the call's API. */
export async function startChat(deps: GatewayDeps, call: ChatCall, caller: Caller): Promise<StartedChat> {
  try {
    return await start(deps, call, caller)
  } catch (error) {
    throw error instanceof Refusal ? new Refusal(inOwnNames(error.reason, call.names)) : error
  }
}

async function start(deps: GatewayDeps, call: ChatCall, caller: Caller): Promise<StartedChat> {
  const model = await servedModel(deps, call.model)
  const codec = orRefuse(requireCodec(model))
  const { prompt, rendered, answer } = chatPrompt(model, call, call.templateVariables)
  const plan = answer(rendered, (texts) => specialIds(codec, texts))
  orRefuse(await checkPlan(deps, plan, call))
  const { logprobs } = call
  const { requestId, signal, allowance } = caller
  const maxTokens = orRefuse(allowedTokens(allowance, call.maxTokens))
  const job = engineRequest(model, call.sampling, { requestId, prompts: [prompt], maxTokens, logprobs, echo: false, grammar: plan.grammar }, deps.newSeed)
  orRefuse(await checkLogprobEntries(deps, model, job, call.streamed, signal))
  const rules = { stops: call.stops, continuesPrompt: false, special: new Set(plan.special) }
  const readers = Array.from({ length: job.n }, (_, index) => new ChoiceReader(index, plan.parser(), () => `call_${deps.newId()}`))
  const generation = orRefuse(await startGeneration(deps, model, job, rules, caller))
  return { model, codec, prompt, n: job.n, outputs: chatOutputs(generation.outputs, readers), cancel: generation.cancel }
}

/** What the model reads of a chat, and what its answer will be. Refuses what the template refuses, and what does not fit. */
export function chatPrompt(
  model: LoadedModel,
  parts: PromptParts,
  variables: TemplateVariables = {},
): { readonly prompt: Prompt; readonly rendered: string; readonly answer: ChatPlan['answer'] } {
  const { offered, answer } = orRefuse(planChat(model.template?.source ?? '', parts))
  const rendered = renderChat(model, offered.messages, { tools: offered.tools, addGenerationPrompt: true, variables })
  return { prompt: orRefuse(encodeChat(model, rendered)), rendered: reveal(rendered.text, rendered.hidden), answer }
}

/** What cannot be held to is refused before any work. */
async function checkPlan(deps: GatewayDeps, { grammar }: AnswerPlan, { sampling, toolChoice, tools }: ChatCall): Promise<Result<void, MoeError>> {
  if (grammar === null) return ok(undefined)
  const endless = sampling.ignore_eos === true ? 'ignore_eos' : (sampling.min_tokens ?? 0) > 0 ? 'min_tokens' : null
  if (endless !== null) {
    const message = `${endless} cannot be combined with tools or a format of the answer: their text has an end of its own.`
    return fail('invalid-request', message, { param: endless, reason: 'invalid_value' })
  }
  const checked = await checkGrammar(deps, grammar)
  if (checked.ok || checked.error.code !== 'invalid-request') return checked
  // The grammar worker sees neither: a format behind a thought looks to it as tools do.
  const param = tools.length > 0 && toolChoice.kind !== 'none' ? 'tools' : 'response_format'
  return err({ ...checked.error, details: { ...checked.error.details, param } })
}

/** Texts that the tokenizer has as special tokens, which are no text otherwise. */
function specialIds(codec: TextCodec, texts: readonly string[]): number[] {
  return texts.flatMap((text) => {
    const [id, ...rest] = codec.encode(text, false)
    return id !== undefined && rest.length === 0 && !codec.hasText(id) ? [id] : []
  })
}

async function* chatOutputs(outputs: AsyncGenerator<ChoiceOutput, void>, readers: readonly ChoiceReader[]): AsyncGenerator<ChatOutput, void> {
  for await (const output of outputs) {
    if (output.type === 'prompt') continue
    if (output.type === 'error') {
      yield output
      continue
    }
    const reader = readers[output.index]
    if (reader === undefined) throw new Error(`choice ${output.index} of ${readers.length}`)
    yield* output.type === 'piece' ? reader.push(output) : reader.finish(output)
  }
}
