import { taggedFormat } from '../tagged-format.ts'

/** Llama 3.1 to 3.3: a call is a JSON object in the text, one a turn. JSON in an answer that begins with a `name` is taken for a call. */
export const llamaJson = taggedFormat({
  name: 'llama-json',
  trigger: '{"name": "',
  open: '',
  close: '',
  begin: (name) => `{"name": "${name}", "parameters": `,
  end: '}',
  separator: '\n',
  oneCall: true,
  arguments: 'json',
  markers: [],
})
