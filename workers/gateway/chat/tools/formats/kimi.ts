import { taggedFormat } from '../tagged-format.ts'

/** Kimi K2. It numbers its calls, which no grammar of ours can count: so a turn has one call, number 0. */
export const kimi = taggedFormat({
  name: 'kimi',
  trigger: '<|tool_calls_section_begin|>',
  open: '<|tool_calls_section_begin|>',
  close: '<|tool_calls_section_end|>',
  begin: (name) => `<|tool_call_begin|>functions.${name}:0<|tool_call_argument_begin|>`,
  end: '<|tool_call_end|>',
  separator: '\n',
  oneCall: true,
  arguments: 'json',
  markers: ['<|tool_calls_section_begin|>', '<|tool_calls_section_end|>', '<|tool_call_begin|>', '<|tool_call_argument_begin|>', '<|tool_call_end|>'],
})
