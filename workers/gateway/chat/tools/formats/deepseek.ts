import { taggedFormat } from '../tagged-format.ts'

const MARKS = {
  trigger: '<｜tool▁calls▁begin｜>',
  arguments: 'json',
  markers: ['<｜tool▁calls▁begin｜>', '<｜tool▁calls▁end｜>', '<｜tool▁call▁begin｜>', '<｜tool▁call▁end｜>', '<｜tool▁sep｜>'],
} as const

/** DeepSeek V3 and R1: the arguments are a block of Markdown. */
export const deepseekV3 = taggedFormat({
  ...MARKS,
  name: 'deepseek-v3',
  open: '<｜tool▁calls▁begin｜>',
  begin: (name) => `<｜tool▁call▁begin｜>function<｜tool▁sep｜>${name}\n\`\`\`json\n`,
  end: '\n```<｜tool▁call▁end｜>',
  separator: '\n',
  close: '<｜tool▁calls▁end｜>',
})

/** DeepSeek V3.1. Between its calls there is nothing, which xgrammar has no list for: the marks around each call are taken as the list's. */
export const deepseekV31 = taggedFormat({
  ...MARKS,
  name: 'deepseek-v3.1',
  open: '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>',
  begin: (name) => `${name}<｜tool▁sep｜>`,
  end: '',
  separator: '<｜tool▁call▁end｜><｜tool▁call▁begin｜>',
  close: '<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
})

/** DeepSeek V3.2: named fields, each of which says whether it is a string. */
export const deepseekV32 = dsml('deepseek-v3.2', 'function_calls')
/** DeepSeek V4: the same under another name. */
export const deepseekV4 = dsml('deepseek-v4', 'tool_calls')

function dsml(name: string, list: string) {
  return taggedFormat({
    name,
    trigger: `<｜DSML｜${list}>`,
    open: `<｜DSML｜${list}>\n`,
    begin: (tool) => `<｜DSML｜invoke name="${tool}">\n`,
    end: '</｜DSML｜invoke>',
    separator: '\n',
    close: `\n</｜DSML｜${list}>`,
    arguments: {
      open: (field, isString) => `<｜DSML｜parameter name="${field}" string="${String(isString)}">`,
      close: '</｜DSML｜parameter>\n',
    },
    markers: ['｜DSML｜'],
  })
}
