import type { ToolDefinition } from '../messages.ts'
import type { OutputParser } from '../output-parser.ts'
import { CallLog } from './call-log.ts'
import { argumentFields } from './field-arguments.ts'
import type { ArgumentField, FieldStyle } from './field-arguments.ts'
import { JsonScanner } from './json-scanner.ts'
import { ReadingParser, readJson, readMark, readUntil } from './reading.ts'
import type { Mark, Reading } from './reading.ts'
import type { TaggedMarks } from './tagged-format.ts'
import { argumentsSchema } from './tool-format.ts'

/** Reads calls between marks (tagged-format.ts). White space around a call belongs to the call. What is no call after all stays text. */
export function taggedParser(marks: TaggedMarks, tools: readonly ToolDefinition[]): OutputParser {
  let log: CallLog
  return new ReadingParser(
    (emit) => {
      log = new CallLog(emit)
      return textReading(marks, tools, log, (text) => emit({ type: 'text', text }))
    },
    () => log.whole,
  )
}

function textReading(marks: TaggedMarks, tools: readonly ToolDefinition[], log: CallLog, emitText: (text: string) => void): Reading {
  return readText(emitText)

  function readText(sink: (text: string) => void): Reading {
    return readUntil([marks.trigger], sink, (space) => readMark(beginnings(marks.open), () => readNoCall(sink, space)), { space: true })
  }

  /** The trigger, and then no tool's name: its first character is text, and it is looked for again behind it. */
  function readNoCall(sink: (text: string) => void, space: string): Reading {
    return (held) => {
      sink(space + held.charAt(0))
      return { taken: 1, next: readText(sink) }
    }
  }

  function beginnings(before: string): Mark[] {
    return tools.map((tool) => ({ text: before + marks.begin(tool.name), next: () => beginCall(tool) }))
  }

  function beginCall(tool: ToolDefinition): Reading {
    log.begin(tool.name)
    if (marks.arguments !== 'json') return readFields(marks.arguments, argumentFields(argumentsSchema(tool)), '{')
    return readJson(new JsonScanner(), log.arguments, () => {
      log.end()
      return readMark([{ text: marks.end, next: afterCall }], afterText)
    })
  }

  /** @param before what JSON has in front of the next field: `{` or `, `. */
  function readFields(style: FieldStyle, fields: readonly ArgumentField[], before: '{' | ', '): Reading {
    const names = fields.map((field): Mark => {
      const begin = `${before}${JSON.stringify(field.name)}: `
      return { text: style.open(field.name, field.isString), next: () => readField(style, fields, field, begin) }
    })
    const end: Mark = {
      text: marks.end,
      next: () => {
        log.arguments(before === '{' ? '{}' : '}')
        log.end()
        return afterCall()
      },
    }
    return readMark([...names, end], afterText)
  }

  function readField(style: FieldStyle, fields: readonly ArgumentField[], field: ArgumentField, begin: string): Reading {
    const rest = readMark([{ text: style.close, next: () => readFields(style, fields, ', ') }], afterText)
    if (!field.isString) {
      log.arguments(begin)
      return readJson(new JsonScanner(), log.arguments, () => rest)
    }
    log.arguments(`${begin}"`)
    return readUntil(
      [style.close],
      (text) => log.arguments(JSON.stringify(text).slice(1, -1)),
      () => {
        log.arguments('"')
        return rest
      },
    )
  }

  function afterCall(): Reading {
    if (marks.open === '') return afterText()
    return readMark([{ text: marks.close, next: afterText }, ...beginnings(marks.separator)], afterText)
  }

  /** Behind a call white space is no text until text comes. */
  function afterText(): Reading {
    let begun = false
    return readText((text) => {
      const visible = begun ? text : text.trimStart()
      if (visible === '') return
      begun = true
      emitText(visible)
    })
  }
}
