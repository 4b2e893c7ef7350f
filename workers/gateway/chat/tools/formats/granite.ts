import { taggedFormat } from '../tagged-format.ts'

/** Granite 3.0 to 3.3: a JSON list behind one mark. Granite 4 writes as Hermes does. */
export const granite = taggedFormat({
  name: 'granite',
  trigger: '<|tool_call|>',
  open: '<|tool_call|>[',
  close: ']',
  begin: (name) => `{"name": "${name}", "arguments": `,
  end: '}',
  separator: ', ',
  arguments: 'json',
  markers: ['<|tool_call|>'],
})
