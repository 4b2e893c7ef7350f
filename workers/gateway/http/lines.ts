/** Lines of a UTF-8 stream, without their ends, as they come; what follows the last one is dropped. Throws where a line has more characters than allowed. */
export async function* readLines(reader: ReadableStreamDefaultReader<Uint8Array>, charsMax: number): AsyncGenerator<string, void> {
  const decoder = new TextDecoder()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const lines = (rest + decoder.decode(value, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > charsMax) throw new Error(`a line has more than ${charsMax} characters`)
    yield* lines
  }
}
