import { InvalidArgumentError } from 'commander'
import { parseOrigins } from '../../shared/protocol/origins.ts'

/** Parser of `--cors`: the text as it is, once it can be read. */
export function corsOption(text: string): string {
  const origins = parseOrigins(text)
  if (!origins.ok) throw new InvalidArgumentError(`It ${origins.error}.`)
  return text
}
