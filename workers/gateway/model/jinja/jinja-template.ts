import { Environment } from '@huggingface/jinja'
import { RenderBudget } from './budget.ts'
import type { RenderLimits } from './budget.ts'
import { ChatInterpreter } from './interpreter.ts'
import { parseTemplate } from './nodes.ts'
import type { Node } from './nodes.ts'
import { strftime } from './strftime.ts'
import { ArrayValue, BooleanValue, FunctionValue, IntegerValue, NullValue, StringValue, textOf, toValue } from './values.ts'
import type { Value } from './values.ts'

/** What every template sees beside its variables: none of these can be the name of a variable that a request brings. */
export const TEMPLATE_GLOBALS: readonly string[] =
  'true false none True False None range namespace raise_exception strftime_now loop caller varargs kwargs'.split(' ')

/** The template itself has refused: its own words. */
export class TemplateRefusal extends Error {
  override readonly name = 'TemplateRefusal'
}

/** A Jinja template, parsed once. Rendering sees the variables and the clock, nothing else, and ends within its limits. */
export class JinjaTemplate {
  readonly #program: Node

  /** @throws Error of the library if the text is no template. */
  constructor(source: string) {
    this.#program = parseTemplate(source)
  }

  /**
   * @param variables JSON, with numbers as `parseExactJson` reads them; null is None, an absent name is undefined.
   * @param nowMs what strftime_now reads, in UTC.
   * @throws TemplateRefusal, TemplateBoundError, or Error with what went wrong inside.
   */
  render(variables: Readonly<Record<string, unknown>>, nowMs: number, limits: RenderLimits): string {
    const budget = new RenderBudget(limits)
    const environment = new Environment()
    for (const [name, value] of globals(budget, nowMs)) environment.setVariable(name, value)
    for (const [name, value] of Object.entries(variables)) environment.setVariable(name, toValue(value))
    return textOf(new ChatInterpreter(environment, budget).evaluate(this.#program, environment)) ?? ''
  }
}

function globals(budget: RenderBudget, nowMs: number): Map<string, Value> {
  const constants = { true: true, false: false, True: true, False: false }
  return new Map<string, Value>([
    ...Object.entries(constants).map(([name, value]): [string, Value] => [name, new BooleanValue(value)]),
    ['none', new NullValue()],
    ['None', new NullValue()],
    ['range', new FunctionValue((args: Value[]) => range(args, budget))],
    ['raise_exception', new FunctionValue(refuse)],
    ['strftime_now', new FunctionValue(([format]: Value[]) => new StringValue(strftime(nowMs, (format && textOf(format)) ?? '')))],
  ])
}

function refuse([message]: Value[]): never {
  throw new TemplateRefusal((message && textOf(message)) ?? 'it gives no reason')
}

/** Python's range, charged before it is made. */
function range(args: readonly Value[], budget: RenderBudget): Value {
  const numbers = args.map(({ type, value }) => (type === 'IntegerValue' && typeof value === 'number' ? value : Number.NaN))
  const [start, stop] = numbers.length < 2 ? [0, numbers[0] ?? Number.NaN] : [numbers[0]!, numbers[1]!]
  const step = numbers[2] ?? 1
  const count = Math.max(0, Math.ceil((stop - start) / step))
  if (step === 0 || Number.isNaN(count)) throw new TypeError('range() wants whole numbers, and a step that is not 0')
  budget.chargeValues(count)
  return new ArrayValue(Array.from({ length: count }, (_, index) => new IntegerValue(start + index * step)))
}
