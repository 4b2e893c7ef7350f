import { useSignal } from '@preact/signals'
import { Component } from 'preact'
import { useId, useRef } from 'preact/hooks'
import { probabilityOf, shadeOf } from '../chat/probability.ts'
import type { Piece } from '../chat/token-pieces.ts'
import { TokenDetails } from './token-details.tsx'

export interface TokenTextProps {
  readonly pieces: readonly Piece[]
  readonly isStreaming: boolean
}

/** Tokens of a block: one that is full is not compared again while the answer grows. */
const BLOCK = 64

/** An answer, token by token. One stop of the Tab key; arrows, Home and End walk through it. What is pointed at or focused shows its details. SPEC LP3. */
export function TokenText({ pieces, isStreaming }: TokenTextProps) {
  const text = useRef<HTMLDivElement>(null)
  const focused = useSignal<number | null>(null)
  const pointed = useSignal<number | null>(null)
  const stop = useSignal(0)
  const detailsId = useId()
  const shown = pointed.value ?? focused.value
  const shownPiece = shown === null ? undefined : pieces[shown]
  const focus = (index: number): void => elementOf(text.current, Math.max(0, Math.min(index, pieces.length - 1)))?.focus()
  const blocks = Array.from({ length: Math.ceil(pieces.length / BLOCK) }, (_, b) => b * BLOCK)
  return (
    <div
      class="tokens"
      ref={text}
      onPointerOver={({ target }) => (pointed.value = indexOf(target))}
      onPointerLeave={() => (pointed.value = null)}
      onFocusIn={({ target }) => {
        focused.value = indexOf(target)
        stop.value = focused.value ?? stop.value
      }}
      onFocusOut={() => (focused.value = null)}
      onKeyDown={(event) => {
        const next = KEYS[event.key]?.(stop.value, pieces.length)
        if (event.key === 'Escape') focused.value = pointed.value = null
        if (next === undefined || indexOf(event.target) === null) return
        event.preventDefault()
        focus(next)
      }}
    >
      {blocks.map((from) => {
        const inBlock = (index: number | null) => (index !== null && index >= from && index < from + BLOCK ? index : null)
        return (
          <TokenBlock
            key={from}
            from={from}
            pieces={pieces.slice(from, from + BLOCK)}
            stop={inBlock(stop.value)}
            shown={inBlock(shown)}
            detailsId={detailsId}
          />
        )
      })}
      {isStreaming && <span class="caret" aria-hidden="true" />}
      {shown !== null && shownPiece && <TokenDetails id={detailsId} piece={shownPiece} anchor={elementOf(text.current, shown)} />}
    </div>
  )
}

const KEYS: Readonly<Record<string, (index: number, count: number) => number>> = {
  ArrowRight: (index) => index + 1,
  ArrowLeft: (index) => index - 1,
  Home: () => 0,
  End: (_, count) => count - 1,
}

interface BlockProps {
  readonly from: number
  readonly pieces: readonly Piece[]
  readonly stop: number | null
  readonly shown: number | null
  readonly detailsId: string
}

/** Pieces only come, they never change: a block with as many as before is the same. */
class TokenBlock extends Component<BlockProps> {
  override shouldComponentUpdate(next: BlockProps): boolean {
    const { pieces, stop, shown } = this.props
    return next.pieces.length !== pieces.length || next.stop !== stop || next.shown !== shown
  }

  override render({ from, pieces, stop, shown, detailsId }: BlockProps) {
    return pieces.map((piece, i) => {
      const index = from + i
      const probability = probabilityOf(piece)
      if (probability === null) return <span key={index}>{piece.text}</span>
      const described = shown === index ? { 'aria-describedby': detailsId } : {}
      return (
        <span key={index} class={`token s${shadeOf(probability)}`} data-index={index} tabIndex={index === stop ? 0 : -1} {...described}>
          {piece.text}
        </span>
      )
    })
  }
}

function indexOf(target: EventTarget | null): number | null {
  const index = target instanceof HTMLElement ? target.dataset['index'] : undefined
  return index === undefined ? null : Number(index)
}

function elementOf(text: HTMLElement | null, index: number): HTMLElement | null {
  return text?.querySelector<HTMLElement>(`[data-index="${index}"]`) ?? null
}
