import { describeTools } from './describe-tools.ts'
import { deepseekV3, deepseekV31, deepseekV32, deepseekV4 } from './formats/deepseek.ts'
import { generic } from './formats/generic.ts'
import { gigachat } from './formats/gigachat.ts'
import { glm, glmCompact } from './formats/glm.ts'
import { granite, granite30 } from './formats/granite.ts'
import { harmony } from './formats/harmony.ts'
import { hermes } from './formats/hermes.ts'
import { kimi } from './formats/kimi.ts'
import { llamaJson } from './formats/llama.ts'
import { mistralArgs, mistralList, mistralTekken } from './formats/mistral.ts'
import { qwenXml } from './formats/qwen-xml.ts'
import type { ToolFormat } from './tool-format.ts'

/** A template that never names them does not write them. */
const DESCRIBES_TOOLS = /\btools\b/

/** What a template's source has where calls are written so. The first that holds counts: special ones stand before those that they contain. */
const SIGNS: readonly (readonly [format: ToolFormat, ...signs: readonly string[]])[] = [
  [harmony, '<|channel|>', '<|message|>', '<|start|>'],
  [deepseekV3, '<｜tool▁call▁begin｜>', '```json'],
  [deepseekV31, '<｜tool▁call▁begin｜>'],
  [deepseekV32, '｜DSML｜', 'function_calls'],
  [deepseekV4, '｜DSML｜', 'tool_calls'],
  [kimi, '<|tool_calls_section_begin|>', '<|tool_call_argument_begin|>'],
  [mistralArgs, '[TOOL_CALLS]', '[ARGS]'],
  [mistralList, '[TOOL_CALLS] ['],
  [mistralTekken, '[TOOL_CALLS]['],
  [granite30, '<|tool_call|>', 'assistant_tool_call'],
  [granite, '<|tool_call|>'],
  [gigachat, '<|function_call|>'],
  [qwenXml, '<tool_call>\\n<function=', '<parameter='],
  [glm, '<arg_key>', '</arg_key>\n<arg_value>'],
  [glmCompact, '<arg_key>', '</arg_key><arg_value>'],
  [generic, '<tool_calls>['], // Apriel's lists, beside which it names <tool_call> too
  [hermes, '<tool_call>', '"arguments"'],
  [llamaJson, 'ipython', '{"name": "', '"parameters": '],
]

/** How the model calls tools, by the source of its chat template; generic where nothing says it. Pure. SPEC TC1. */
export function detectFormat(template: string): ToolFormat {
  const format = SIGNS.find(([, ...signs]) => signs.every((sign) => template.includes(sign)))?.[0] ?? generic
  return format.example === null || DESCRIBES_TOOLS.test(template) ? format : withDescription(format, format.example)
}

/** DeepSeek's R1 and V3.1 write calls, but leave it to the system message to say which tools there are. */
function withDescription(format: ToolFormat, example: string): ToolFormat {
  const how = `To call a tool, write exactly:\n${example}`
  return { ...format, offer: (messages, tools) => format.offer(describeTools(messages, tools, how), tools) }
}
