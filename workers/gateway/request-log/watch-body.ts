import type { RequestEnd } from './request-record.ts'

/** The same bytes at the reader's pace, and one word of how it ended. Nothing is read ahead: who reads slowly is known by what waits behind this. */
export function watchBody(body: ReadableStream<Uint8Array>, onEnd: (end: RequestEnd) => void): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  let isOver = false
  function end(how: RequestEnd): void {
    isOver = true
    onEnd(how)
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (isOver) return // cancelled under the read
          if (!done) return controller.enqueue(value)
          end('done')
          controller.close()
        } catch (error) {
          if (isOver) return
          end('failed')
          controller.error(error)
        }
      },
      async cancel(reason) {
        if (!isOver) end('aborted')
        await reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
