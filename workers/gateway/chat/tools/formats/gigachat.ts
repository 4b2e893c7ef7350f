import { taggedFormat } from '../tagged-format.ts'

/** GigaChat 3.1: one call a turn. */
export const gigachat = taggedFormat({
  name: 'gigachat',
  trigger: '<|function_call|>',
  open: '',
  close: '',
  begin: (name) => `<|function_call|>{"name": "${name}", "arguments": `,
  end: '}',
  separator: '\n',
  oneCall: true,
  arguments: 'json',
  markers: ['<|function_call|>'],
})
