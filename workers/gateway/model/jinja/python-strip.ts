/** What Python's str.isspace() says of one character: U+001C to U+001F and U+0085 are spaces, U+FEFF is none; JavaScript has both the other way round. */
const SPACES: ReadonlySet<string> = new Set(
  '\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000',
)

/** Python's str.strip, lstrip and rstrip. @param characters those to cut; null: white space. */
export function pythonStrip(text: string, sides: { readonly left: boolean; readonly right: boolean }, characters: string | null): string {
  const cut = characters === null ? SPACES : new Set(characters)
  const units = Array.from(text)
  const isCut = (character: string | undefined) => character !== undefined && cut.has(character)
  let start = 0
  let end = units.length
  if (sides.left) while (start < end && isCut(units[start])) start++
  if (sides.right) while (end > start && isCut(units[end - 1])) end--
  return end - start === units.length ? text : units.slice(start, end).join('')
}
