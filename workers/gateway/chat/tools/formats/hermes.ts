import { taggedFormat } from '../tagged-format.ts'

/** Hermes 2 and 3, Qwen 2.5, Qwen3, Granite 4 and many others: each call is JSON between tags. */
export const hermes = taggedFormat({
  name: 'hermes',
  trigger: '<tool_call>',
  open: '',
  close: '',
  begin: (name) => `<tool_call>\n{"name": "${name}", "arguments": `,
  end: '}\n</tool_call>',
  separator: '\n',
  arguments: 'json',
  markers: ['<tool_call>', '</tool_call>'],
})
