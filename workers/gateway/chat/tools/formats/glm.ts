import { taggedFormat } from '../tagged-format.ts'

const MARKS = {
  trigger: '<tool_call>',
  open: '',
  close: '',
  end: '</tool_call>',
  markers: ['<tool_call>', '</tool_call>', '<arg_key>', '</arg_key>', '<arg_value>', '</arg_value>'],
} as const

/** GLM-4.5 and 4.6: keys and values on lines of their own. */
export const glm = taggedFormat({
  ...MARKS,
  name: 'glm',
  begin: (name) => `<tool_call>${name}\n`,
  separator: '\n',
  arguments: { open: (name) => `<arg_key>${name}</arg_key>\n<arg_value>`, close: '</arg_value>\n' },
})

/** GLM-4.7 and 5: no line breaks. */
export const glmCompact = taggedFormat({
  ...MARKS,
  name: 'glm-compact',
  begin: (name) => `<tool_call>${name}`,
  separator: '',
  arguments: { open: (name) => `<arg_key>${name}</arg_key><arg_value>`, close: '</arg_value>' },
})
