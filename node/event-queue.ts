/**
 * What waits for the core, in three lines. First what is owed (completions, links, ticks) and what members say
 * about who is there, in the order in which they arrived: little work, and a time-out must not be looked at
 * before the answer that came in time and only waited here. Behind it, other messages and local requests take
 * turns, so that neither a busy cluster nor a busy client starves the other, and however long they wait, the
 * failure detector does not. Over `limits.queuedEvents`, messages are dropped first, since the protocol repairs
 * their loss, and then requests are refused.
 */
import type { Millis } from '../protocol/base/id.ts'
import type { Event } from '../protocol/event.ts'
import { Fifo } from './fifo.ts'

type Line = 'prompt' | 'remote' | 'request'

export interface Queued {
  readonly event: Event
  /** On the wire; for the recorder's bound. */
  readonly bytes: number
  /** When it arrived here: the core is told this time, not when its turn came. */
  readonly at: Millis
}

/** The messages of the failure detector; tables, which are long, wait with the rest. */
const promptMessages: ReadonlySet<string> = new Set([
  'probe',
  'ack',
  'probe-request',
  'probe-report',
  'suspect',
  'claim',
])

function lineOf(event: Event): Line {
  if (event.type === 'request-received') return 'request'
  if (event.type === 'broadcast-received' || event.type === 'message-refused') return 'remote'
  if (event.type !== 'message-received') return 'prompt'
  return promptMessages.has(event.message.type) ? 'prompt' : 'remote'
}

export class EventQueue {
  readonly #lines = {
    prompt: new Fifo<Queued>(),
    remote: new Fifo<Queued>(),
    request: new Fifo<Queued>(),
  }
  readonly #max: number
  #nextTurn: 'remote' | 'request' = 'remote'
  /** Remote messages that found no place. */
  dropped = 0

  constructor(max: number) {
    this.#max = max
  }

  get length(): number {
    const { prompt, remote, request } = this.#lines
    return prompt.length + remote.length + request.length
  }

  /** False when there is no place for it. What is owed always finds one. */
  push(event: Event, at: Millis, bytes = 0): boolean {
    const line = lineOf(event)
    const isOwed = line === 'prompt' && event.type !== 'message-received'
    if (!isOwed && this.length >= this.#max && !this.#makePlace(line)) return false
    this.#lines[line].push({ event, bytes, at })
    return true
  }

  shift(): Queued | undefined {
    const { prompt } = this.#lines
    if (prompt.length > 0) return prompt.shift()
    const first = this.#nextTurn
    const second = first === 'remote' ? 'request' : 'remote'
    const line = this.#lines[first].length > 0 ? first : second
    this.#nextTurn = line === 'remote' ? 'request' : 'remote'
    return this.#lines[line].shift()
  }

  #makePlace(line: Line): boolean {
    const { remote } = this.#lines
    const hasPlace = line !== 'remote' && remote.length > 0
    if (hasPlace) remote.shift()
    if (hasPlace || line !== 'request') this.dropped++
    return hasPlace
  }
}
