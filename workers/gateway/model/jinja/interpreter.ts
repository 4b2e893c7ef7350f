import { Interpreter } from '@huggingface/jinja'
import type { Environment } from '@huggingface/jinja'
import type { RenderBudget } from './budget.ts'
import { applyFilter, boundReplace, listOf, piecesMax } from './filters.ts'
import type { FilterArguments } from './filters.ts'
import { valueNode, withChildren } from './nodes.ts'
import type { Node, Statement } from './nodes.ts'
import { pythonEquals } from './python-equals.ts'
import { pythonStrip } from './python-strip.ts'
import { pythonStr } from './python-text.ts'
import {
  ArrayValue,
  BooleanValue,
  FunctionValue,
  ObjectValue,
  StringValue,
  UndefinedValue,
  fieldsOf,
  isUndefined,
  itemsOf,
  keyValue,
  textOf,
} from './values.ts'
import type { Value } from './values.ts'

const STRIPS = new Map([
  ['strip', { left: true, right: true }],
  ['lstrip', { left: true, right: false }],
  ['rstrip', { left: false, right: true }],
])
/** Nodes whose value is not new: a name, a member, a literal of the template. */
const UNCHARGED = new Set(['Identifier', 'MemberExpression', 'StringLiteral', 'Value'])

/**
 * The library's interpreter, bounded and with Python's behaviour where the library's differs. Every workaround is here or in what this file
 * imports; interpreter.test.ts fails when the library no longer needs one. Only `evaluate` is replaced, which is public and sees every node.
 * SPEC TX1 to TX3.
 */
export class ChatInterpreter extends Interpreter {
  readonly #budget: RenderBudget

  constructor(environment: Environment, budget: RenderBudget) {
    super(environment)
    this.#budget = budget
  }

  /** @throws TemplateBoundError; Error with the template's own words, or those of what it did wrong. */
  override evaluate(statement: Statement | undefined, environment: Environment): Value {
    if (statement === undefined) return super.evaluate(statement, environment)
    this.#budget.enter()
    try {
      const value = this.#evaluateNode(statement as Node, environment)
      if (!UNCHARGED.has(statement.type)) this.#budget.chargeResult(value)
      return value
    } finally {
      this.#budget.leave()
    }
  }

  #evaluateNode(node: Node, environment: Environment): Value {
    switch (node.type) {
      case 'Value':
        return node['value'] as Value
      case 'Output':
        return new StringValue(pythonStr(this.#child(node, 'value', environment), this.#budget))
      case 'MemberExpression':
        return this.#member(node, environment)
      case 'BinaryExpression':
        return this.#binary(node, environment)
      case 'FilterExpression':
        return this.#filter(node, environment)
      case 'FilterStatement': {
        const block = this.evaluate({ type: 'Program', body: node['body'] } as unknown as Node, environment)
        return this.#filter({ type: 'FilterExpression', operand: valueNode(block), filter: node['filter'] } as unknown as Node, environment)
      }
      case 'For':
        return this.#loop(node, environment)
      case 'ObjectLiteral':
        return this.#dict(node, environment)
      default:
        return super.evaluate(node, environment)
    }
  }

  #child(node: Node, name: string, environment: Environment): Value {
    return this.evaluate(node[name] as Statement, environment)
  }

  #member(node: Node, environment: Environment): Value {
    const object = this.#child(node, 'object', environment)
    if (isUndefined(object)) throw new Error('a value that is undefined has no attributes')
    const property = node['property'] as Node
    const text = textOf(object)
    if (text !== null && node['computed'] !== true) {
      const method = this.#textMethod(text, String(property['value']))
      if (method) return method
    }
    const fields = fieldsOf(object)
    if (fields && node['computed'] !== true) {
      const method = dictMethod(fields, String(property['value']))
      if (method) return method
    }
    if (fields && node['computed'] === true && property.type !== 'SliceExpression') {
      const key = this.evaluate(property, environment)
      if (key.type === 'IntegerValue') return fields.get(key.value as number) ?? new UndefinedValue()
      return super.evaluate(withChildren(node, { object: valueNode(object), property: valueNode(key) }), environment)
    }
    return super.evaluate(withChildren(node, { object: valueNode(object) }), environment)
  }

  /** Methods of a string that the library gets wrong, or that need a bound. */
  #textMethod(text: string, name: string): Value | null {
    const sides = STRIPS.get(name)
    if (sides) {
      return new FunctionValue(([characters]: Value[]) => new StringValue(pythonStrip(text, sides, characters === undefined ? null : textOf(characters))))
    }
    if (name !== 'replace' && name !== 'split') return null
    const library = new StringValue(text).builtins.get(name) as unknown as { value: (args: Value[], environment: Environment) => Value }
    return new FunctionValue((args: Value[], environment: Environment) => {
      if (name === 'replace') boundReplace(text, args, this.#budget)
      else this.#budget.chargeValues(piecesMax(text, args[0]))
      return library.value(args, environment)
    })
  }

  #binary(node: Node, environment: Environment): Value {
    const operator = (node['operator'] as { readonly value: string }).value
    if (operator === 'and' || operator === 'or') return super.evaluate(node, environment)
    const left = this.#child(node, 'left', environment)
    const right = this.#child(node, 'right', environment)
    switch (operator) {
      case '==':
        return new BooleanValue(pythonEquals(left, right, this.#budget))
      case '!=':
        return new BooleanValue(!pythonEquals(left, right, this.#budget))
      case '~':
        return new StringValue(pythonStr(left, this.#budget) + pythonStr(right, this.#budget))
      case '+':
        if ((textOf(left) === null) !== (textOf(right) === null)) throw new TypeError(`${left.type} and ${right.type} cannot be added`)
        this.#budget.chargeItems((itemsOf(left)?.length ?? 0) + (itemsOf(right)?.length ?? 0))
        break
      case 'in':
      case 'not in': {
        const items = itemsOf(right)
        if (items) return new BooleanValue(items.some((item) => pythonEquals(item, left, this.#budget)) === (operator === 'in'))
      }
    }
    return super.evaluate(withChildren(node, { left: valueNode(left), right: valueNode(right) }), environment)
  }

  #filter(node: Node, environment: Environment): Value {
    const operand = this.#child(node, 'operand', environment)
    const filter = node['filter'] as Node
    const call = filter.type === 'CallExpression'
    const name = String(((call ? filter['callee'] : filter) as Node)['value'])
    const args = call ? this.#filterArguments(filter['args'] as Node[], environment) : { positional: [], named: new Map<string, Value>() }
    const outcome = applyFilter(name, operand, args, this.#budget)
    return 'value' in outcome ? outcome.value : super.evaluate(withChildren(node, { operand: valueNode(outcome.operand) }), environment)
  }

  #filterArguments(args: readonly Node[], environment: Environment): FilterArguments {
    const positional: Value[] = []
    const named = new Map<string, Value>()
    for (const argument of args) {
      if (argument.type === 'KeywordArgumentExpression') named.set(String((argument['key'] as Node)['value']), this.#child(argument, 'value', environment))
      else if (argument.type !== 'SpreadExpression' && argument.type !== 'KeywordSpreadExpression') positional.push(this.evaluate(argument, environment))
    }
    return { positional, named }
  }

  /** Undefined is empty, a string its characters, a dict its keys; a tuple unpacks as a list does. */
  #loop(node: Node, environment: Environment): Value {
    const iterable = node['iterable'] as Node
    const filtered = iterable.type === 'SelectExpression'
    const over = listOf(this.evaluate(filtered ? (iterable['lhs'] as Node) : iterable, environment), this.#budget)
    const items = isUndefined(over) ? [] : itemsOf(over)
    const list = items === null ? over : new ArrayValue(items.map((item) => (item.type === 'TupleValue' ? new ArrayValue(item.value) : item)))
    const children = { iterable: filtered ? withChildren(iterable, { lhs: valueNode(list) }) : valueNode(list) }
    return super.evaluate(withChildren(node, children), environment)
  }

  /** Keys may be numbers. */
  #dict(node: Node, environment: Environment): Value {
    const fields = new Map<unknown, Value>()
    for (const [keyNode, fieldNode] of node['value'] as Map<Node, Node>) {
      const key = this.evaluate(keyNode, environment)
      if (key.type !== 'StringValue' && key.type !== 'IntegerValue') throw new TypeError(`a dict's key cannot be ${key.type}`)
      fields.set(key.value, this.evaluate(fieldNode, environment))
    }
    return new ObjectValue(fields)
  }
}

/** In Jinja `x.items` is the method, also of a dict that has a key of this name. */
function dictMethod(fields: ReadonlyMap<string | number, Value>, name: string): Value | null {
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
