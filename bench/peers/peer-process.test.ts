import { expect, it } from 'vitest'
import { startPeer } from './peer-process.ts'

it('a peer that ends before it is ready is refused with its own error', async () => {
  await expect(startPeer('llamacpp-process.ts', ['/does/not/exist.gguf'])).rejects.toThrow(/^llamacpp-process\.ts ended: .*Error/)
})
