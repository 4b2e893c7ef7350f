import { taggedFormat } from '../tagged-format.ts'

/** Qwen3-Coder, Qwen3.5, Nemotron 3, Step 3.5: named fields, with line breaks around the values. */
export const qwenXml = taggedFormat({
  name: 'qwen-xml',
  trigger: '<tool_call>',
  open: '',
  close: '',
  begin: (name) => `<tool_call>\n<function=${name}>\n`,
  end: '</function>\n</tool_call>',
  separator: '\n',
  arguments: { open: (name) => `<parameter=${name}>\n`, close: '\n</parameter>\n' },
  markers: ['<tool_call>', '</tool_call>'],
})
