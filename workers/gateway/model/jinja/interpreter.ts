import { Interpreter } from '@huggingface/jinja'
import type { Environment } from '@huggingface/jinja'
import type { RenderBudget } from './budget.ts'
import { applyFilter, listOf } from './filters.ts'
import type { FilterArguments } from './filters.ts'
import { chargeFilter, chargeSearch } from './library-work.ts'
import { dictMethod, textMethod } from './methods.ts'
import { nodeCount, valueNode, withChildren } from './nodes.ts'
import type { Node, Statement } from './nodes.ts'
import { pythonEquals } from './python-equals.ts'
import { pythonStr } from './python-text.ts'
import { ArrayValue, BooleanValue, ObjectValue, StringValue, UndefinedValue, fieldsOf, isUndefined, itemsOf, textOf } from './values.ts'
import type { Value } from './values.ts'

/** Nodes whose value is not new: a name, a member, a literal of the template. */
const UNCHARGED = new Set(['Identifier', 'MemberExpression', 'StringLiteral', 'Value'])

/**
 * The library's interpreter, bounded and with Python's behaviour where the library's differs. Every workaround is here or in what this file
 * imports; interpreter.test.ts fails when the library no longer needs one. Only `evaluate` is replaced, which is public and sees every node.
 * SPEC TX1 to TX3.
 */
export class ChatInterpreter extends Interpreter {
  readonly #budget: RenderBudget
  readonly #macros = new WeakSet<Value>()

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
      if (!UNCHARGED.has(statement.type)) this.#budget.chargeWhole(value)
      return value
    } finally {
      this.#budget.leave()
    }
  }

  #evaluateNode(node: Node, environment: Environment): Value {
    switch (node.type) {
      case 'Value':
        return node['value'] as Value
      case 'Identifier':
        return variable(String(node['value']), environment)
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
      case 'CallExpression':
        return this.#call(node, environment)
      case 'TestExpression': {
        const operand = this.#child(node, 'operand', environment)
        this.#budget.chargeChars(textOf(operand)?.length ?? 0)
        return super.evaluate(withChildren(node, { operand: valueNode(operand) }), environment)
      }
      case 'Macro':
        this.#budget.chargeValues(nodeCount(node))
        return this.#define(node, environment)
      case 'CallStatement':
        this.#budget.chargeValues(nodeCount(node))
        return super.evaluate(withChildren(node, { call: this.#withArguments(node['call'] as Node, environment) }), environment)
      default:
        return super.evaluate(node, environment)
    }
  }

  #child(node: Node, name: string, environment: Environment): Value {
    return this.evaluate(node[name] as Statement, environment)
  }

  #define(node: Node, environment: Environment): Value {
    const nothing = super.evaluate(node, environment)
    const macro = environment.variables.get(String((node['name'] as Node)['value']))
    if (macro !== undefined) this.#macros.add(macro)
    return nothing
  }

  /** What is not a macro of the template is the library's code, which goes through its arguments as it likes. */
  #call(node: Node, environment: Environment): Value {
    const call = this.#withArguments(node, environment)
    const callee = this.#child(node, 'callee', environment)
    if (!this.#macros.has(callee))
      for (const { value } of (call['args'] as Node[]).filter(({ type }) => type === 'Value')) this.#budget.chargeWhole(value as Value)
    return super.evaluate(withChildren(call, { callee: valueNode(callee) }), environment)
  }

  /** The call with its arguments evaluated: `*list` and `**dict` are charged, as the library copies them. */
  #withArguments(call: Node, environment: Environment): Node {
    const args = (call['args'] as Node[]).map((argument) => {
      if (argument.type === 'KeywordArgumentExpression') return argument
      if (argument.type !== 'SpreadExpression' && argument.type !== 'KeywordSpreadExpression') return valueNode(this.evaluate(argument, environment))
      const spread = this.#child(argument, 'argument', environment)
      this.#budget.chargeWhole(spread)
      return withChildren(argument, { argument: valueNode(spread) })
    })
    return withChildren(call, { args })
  }

  #member(node: Node, environment: Environment): Value {
    const object = this.#child(node, 'object', environment)
    if (isUndefined(object)) throw new Error('a value that is undefined has no attributes')
    const property = node['property'] as Node
    const text = textOf(object)
    if (text !== null && node['computed'] !== true) {
      this.#budget.chargeChars(text.length)
      const method = textMethod(text, String(property['value']), this.#budget)
      if (method) return method
      // The library keeps a dozen functions on each text that is asked for one: not on this one.
      return super.evaluate(withChildren(node, { object: valueNode(new StringValue(text)) }), environment)
    }
    if (property.type === 'SliceExpression') {
      this.#budget.chargeChars(text?.length ?? 0) // all its characters are taken apart first
      const part = super.evaluate(withChildren(node, { object: valueNode(object) }), environment)
      this.#budget.chargeWhole(part)
      return part
    }
    const fields = fieldsOf(object)
    if (fields && node['computed'] !== true) {
      const method = dictMethod(fields, String(property['value']))
      if (method) return method
    }
    if (fields && node['computed'] === true) {
      const key = this.evaluate(property, environment)
      if (key.type === 'IntegerValue') return fields.get(key.value as number) ?? new UndefinedValue()
      return super.evaluate(withChildren(node, { object: valueNode(object), property: valueNode(key) }), environment)
    }
    return super.evaluate(withChildren(node, { object: valueNode(object) }), environment)
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
        const [sought, text] = [textOf(left), textOf(right)]
        if (sought !== null && text !== null) chargeSearch(text, sought, this.#budget)
        break
      }
      case '*':
        // Of 2^53 and more, as a tool call's arguments may have them: a few squares would fill the memory.
        if (typeof left.value === 'bigint' && typeof right.value === 'bigint') throw new TypeError('whole numbers above 2^53 cannot be multiplied')
    }
    return super.evaluate(withChildren(node, { left: valueNode(left), right: valueNode(right) }), environment)
  }

  #filter(node: Node, environment: Environment): Value {
    const operand = this.#child(node, 'operand', environment)
    const filter = node['filter'] as Node
    const call = filter.type === 'CallExpression'
    const name = String(((call ? filter['callee'] : filter) as Node)['value'])
    const args = call ? this.#filterArguments(filter['args'] as Node[], environment) : { positional: [], named: new Map<string, Value>() }
    chargeFilter(name, operand, args, this.#budget)
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
    this.#budget.chargeTurns(items?.length ?? 0)
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

/** Not the library's look-up, which throws and catches where there is none. */
function variable(name: string, environment: Environment): Value {
  for (let scope: Environment | undefined = environment; scope !== undefined; scope = scope.parent) {
    const value = scope.variables.get(name)
    if (value !== undefined) return value
  }
  return new UndefinedValue()
}
