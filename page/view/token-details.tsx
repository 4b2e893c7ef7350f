import { useLayoutEffect, useRef } from 'preact/hooks'
import { candidatesOf } from '../chat/probability.ts'
import type { Piece } from '../chat/token-pieces.ts'

export interface TokenDetailsProps {
  readonly id: string
  readonly piece: Piece
  /** The token's element: the details stand under its first line, above it where there is no room. */
  readonly anchor: HTMLElement | null
}

/** Tokens of one piece that are shown: a character has four at most. */
const TOKENS_MAX = 4

/** Pixels between a token and its details. */
const GAP = 4

/** A token's probability and what could have stood in its place. */
export function TokenDetails({ id, piece, anchor }: TokenDetailsProps) {
  const box = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const parent = anchor?.offsetParent
    const line = anchor?.getClientRects()[0]
    if (!box.current || !parent || !line) return
    const { offsetWidth: width, offsetHeight: height } = box.current
    const at = parent.getBoundingClientRect()
    const scroller = parent.closest('.turns')?.getBoundingClientRect()
    const fitsAbove = scroller !== undefined && line.top - height - GAP > scroller.top
    const isAbove = scroller !== undefined && line.bottom + height + GAP > scroller.bottom && fitsAbove
    box.current.style.left = `${Math.max(0, Math.min(line.left - at.left, at.width - width))}px`
    box.current.style.top = `${isAbove ? line.top - at.top - height - GAP : line.bottom - at.top + GAP}px`
  }, [anchor, piece])
  return (
    <div id={id} ref={box} class="details" role="tooltip">
      {piece.tokens.slice(0, TOKENS_MAX).map((token, i) => (
        <table key={i}>
          <caption>{piece.tokens.length > 1 ? `Token ${i + 1} of ${piece.tokens.length} of this character` : 'Probability'}</caption>
          <tbody>
            {candidatesOf(token).map(({ name, share, probability, chosen }, rank) => (
              <tr key={rank} class={chosen ? 'chosen' : ''}>
                <th scope="row">
                  {chosen && <span class="hidden">chosen: </span>}
                  <code>{name}</code>
                </th>
                <td class="bar" aria-hidden="true">
                  <i style={{ width: `${probability * 100}%` }} />
                </td>
                <td>{share}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ))}
    </div>
  )
}
