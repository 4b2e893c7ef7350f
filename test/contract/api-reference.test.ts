import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { apiReference, REFERENCE_FILE } from '../../scripts/api-reference.ts'

it('[AP15] docs/api-reference.md is made of the document as it is now: `npm run docs` writes it', () => {
  expect(readFileSync(REFERENCE_FILE, 'utf8')).toBe(apiReference())
})
