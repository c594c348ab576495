/**
 * What waits for the core, in three lines. First what is owed (completions, links, ticks): it is bounded by
 * what the core itself asked for. Then remote messages and local requests in turn, so that neither a busy
 * cluster nor a busy client starves the other. Over `limits.queuedEvents`, messages are dropped first, since
 * the protocol repairs their loss, and then requests are refused.
 */
import type { Event } from '../protocol/event.ts'
import { Fifo } from './fifo.ts'

export type Line = 'owed' | 'remote' | 'request'

export interface Queued {
  readonly event: Event
  /** On the wire; for the recorder's bound. */
  readonly bytes: number
}

export class EventQueue {
  readonly #lines = {
    owed: new Fifo<Queued>(),
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
    const { owed, remote, request } = this.#lines
    return owed.length + remote.length + request.length
  }

  /** False when there is no place for it. */
  push(line: Line, event: Event, bytes = 0): boolean {
    if (line !== 'owed' && this.length >= this.#max && !this.#makePlace(line)) return false
    this.#lines[line].push({ event, bytes })
    return true
  }

  shift(): Queued | undefined {
    const { owed } = this.#lines
    if (owed.length > 0) return owed.shift()
    const first = this.#nextTurn
    const second = first === 'remote' ? 'request' : 'remote'
    const line = this.#lines[first].length > 0 ? first : second
    this.#nextTurn = line === 'remote' ? 'request' : 'remote'
    return this.#lines[line].shift()
  }

  #makePlace(line: Line): boolean {
    const { remote } = this.#lines
    const hasPlace = line === 'request' && remote.length > 0
    if (hasPlace) remote.shift()
    if (hasPlace || line === 'remote') this.dropped++
    return hasPlace
  }
}
