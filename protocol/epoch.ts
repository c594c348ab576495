/**
 * The epoch: how often this member has started. It is the incarnation that the member starts with and the
 * upper half of every counter that it uses, so it must be durable before anything is said: a crash between
 * saying and writing would otherwise use a dot twice. Until then events are held, in order and bounded.
 */
import type { EffectId, Millis } from './base/id.ts'
import type { EffectSink, StoreWrite } from './effect.ts'
import type { Event } from './event.ts'
import { limits } from './limits.ts'

const key = 'self/epoch'
const retryMs = 1000

/** What the journal says after so many starts. */
export function epochWrite(starts: number): StoreWrite {
  return { key, value: starts }
}

export class Epoch {
  readonly value: number
  #held: Event[] | undefined = []
  #id: EffectId | undefined
  #retryAt: Millis | undefined

  constructor(journal: Iterable<StoreWrite>) {
    let last = 0
    for (const entry of journal) if (entry.key === key) last = Number(entry.value)
    this.value = last + 1
  }

  get isDurable(): boolean {
    return this.#held === undefined
  }

  get deadline(): Millis | undefined {
    return this.#retryAt
  }

  /** Takes an event while the epoch is not durable. Returns the held events once it is. */
  hold(event: Event, nextId: () => EffectId, now: Millis, out: EffectSink): readonly Event[] {
    const held = this.#held ?? []
    if (event.type === 'persisted' && event.id === this.#id) {
      this.#held = undefined
      this.#retryAt = undefined
      return held
    }
    if (event.type === 'effect-failed' && event.id === this.#id) {
      this.#id = undefined
      this.#retryAt = now + retryMs
      out.push({ type: 'notify', notification: { type: 'storage-failed', code: event.code } })
    } else if (event.type !== 'tick' && held.length < limits.heldEvents) held.push(event)
    const isFirst = this.#id === undefined && this.#retryAt === undefined
    if (isFirst || (this.#retryAt !== undefined && now >= this.#retryAt)) {
      this.#retryAt = undefined
      this.#id = nextId()
      out.push({ type: 'persist', id: this.#id, writes: [epochWrite(this.value)] })
    }
    return []
  }
}
