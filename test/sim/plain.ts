/** A life of which every step goes the ordinary way, and the same as simulators live it: they come to the same. */
import * as assert from 'uvu/assert'

export interface Life {
  readonly hash: string
  readonly events: number
}

/** Both, to be compared further. */
export function sameAsPlain<T extends Life>(live: (isPlain: boolean) => T): { plain: T; told: T } {
  const plain = live(true)
  const told = live(false)
  assert.is(told.hash, plain.hash)
  assert.is(told.events, plain.events)
  return { plain, told }
}
