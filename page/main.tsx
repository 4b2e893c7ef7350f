import { effect, signal } from '@preact/signals'
import { render } from 'preact'
import { createChatStore } from './chat/chat-store.ts'
import { createClusterStore } from './cluster/cluster-store.ts'
import { readKeys, storeKeys, trimKeys } from './server/keys.ts'
import type { Keys } from './server/keys.ts'
import { App } from './view/app.tsx'

const nowMs = (): number => performance.now()
const keys = signal(readKeys(sessionStorage))
const isVisible = signal(!document.hidden)
const cluster = createClusterStore(nowMs)
const chat = createChatStore({ nowMs, nextPicture: (work) => void (document.hidden ? setTimeout(work) : requestAnimationFrame(work)) })

function setKeys(next: Keys): void {
  keys.value = trimKeys(next)
  storeKeys(sessionStorage, keys.value)
}

document.addEventListener('visibilitychange', () => (isVisible.value = !document.hidden))

// A page that nobody sees asks for nothing: each question keeps objects awake that would else cost nothing.
effect(() => {
  if (!isVisible.value) return undefined
  const controller = new AbortController()
  void cluster.follow(keys.value.admin, controller.signal)
  return () => controller.abort()
})

effect(() => void chat.loadModel(keys.value.api))

// An engine that was loading has its model now.
effect(() => {
  if (cluster.isReady.value && chat.model.peek() === null) void chat.loadModel(keys.peek().api)
})

render(<App chat={chat} cluster={cluster} keys={keys} setKeys={setKeys} />, document.getElementById('page')!)
