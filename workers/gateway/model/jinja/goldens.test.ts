import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { knownGaps, templateGolden, templateSource } from '../../../../test/fixtures/templates/load.ts'
import { LIMITS } from '../../../../shared/protocol/limits.ts'
import { JinjaTemplate, TemplateRefusal } from './jinja-template.ts'

const golden = templateGolden()
const gaps = knownGaps()
const nowMs = Date.parse(`${golden.about.now}Z`)
const limits = { stepsMax: LIMITS.templateStepsMax, lengthMax: LIMITS.templateCharsMax, depthMax: LIMITS.templateDepthMax }

function rendered(template: JinjaTemplate, variables: Readonly<Record<string, unknown>>): { readonly output: string } | { readonly error: unknown } {
  try {
    return { output: template.render(variables, nowMs, limits) }
  } catch (error) {
    return { error }
  }
}

describe('templates of 61 models', () => {
  it.each(Object.keys(golden.templates))('[TX1] %s renders as transformers does, but for known gaps', (name) => {
    const { sha256, variables } = golden.templates[name]!
    const source = templateSource(name)
    expect(createHash('sha256').update(source).digest('hex')).toBe(sha256)
    const template = new JinjaTemplate(source)
    const differing: string[] = []
    for (const record of golden.records.filter((item) => item.template === name)) {
      const got = rendered(template, { ...golden.cases[record.case]!.variables, ...variables })
      // What the template itself says is shown to clients, so the words must agree; of Python's own errors only that there is one.
      const refused = 'error' in got && got.error instanceof TemplateRefusal ? got.error.message.slice(0, 200) : null
      const same =
        record.error === undefined
          ? 'output' in got && got.output === record.output
          : 'error' in got && (record.error.class !== 'TemplateError' || refused === record.error.message)
      if (!same) differing.push(`${name} ${record.case}`)
    }
    expect(differing).toEqual([...gaps].filter((gap) => gap.startsWith(`${name} `)))
  })

  it('[TX1] has the whole golden file in the list above', () => {
    expect(golden.records).toHaveLength(1891)
    expect(new Set(golden.records.map(({ template }) => template))).toEqual(new Set(Object.keys(golden.templates)))
  })
})
