import type { Environment } from '@huggingface/jinja'
import type { RenderBudget } from './budget.ts'
import { boundReplace, chargeSplit } from './filters.ts'
import { pythonStrip } from './python-strip.ts'
import { ArrayValue, FunctionValue, StringValue, keyValue, textOf } from './values.ts'
import type { Value } from './values.ts'

const STRIPS = new Map([
  ['strip', { left: true, right: true }],
  ['lstrip', { left: true, right: false }],
  ['rstrip', { left: false, right: true }],
])

/** Methods of a text that the library gets wrong, or that need a bound; null: the library's. */
export function textMethod(text: string, name: string, budget: RenderBudget): Value | null {
  const sides = STRIPS.get(name)
  if (sides) {
    return new FunctionValue(([characters]: Value[]) => new StringValue(pythonStrip(text, sides, characters === undefined ? null : textOf(characters))))
  }
  if (name !== 'replace' && name !== 'split') return null
  const library = new StringValue(text).builtins.get(name) as unknown as { value: (args: Value[], environment: Environment) => Value }
  return new FunctionValue((args: Value[], environment: Environment) => {
    if (name === 'replace') boundReplace(text, args, budget)
    else chargeSplit(text, args[0], budget)
    return library.value(args, environment)
  })
}

/** In Jinja `x.items` is the method, also of a dict that has a key of this name. */
export function dictMethod(fields: ReadonlyMap<string | number, Value>, name: string): Value | null {
  switch (name) {
    case 'items':
      return new FunctionValue(() => new ArrayValue(Array.from(fields, ([key, field]) => new ArrayValue([keyValue(key), field]))))
    case 'keys':
      return new FunctionValue(() => new ArrayValue(Array.from(fields.keys(), keyValue)))
    case 'values':
      return new FunctionValue(() => new ArrayValue([...fields.values()]))
    default:
      return null
  }
}
