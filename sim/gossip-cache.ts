/**
 * Broadcasts under way: one payload for all, and for each host when it first had it. A message's number is free for
 * the next one when no copy is on its way and no host would still tell of it; then its arrays are used again.
 */
import { invariant } from '../protocol/base/invariant.ts'
import type { Event } from '../protocol/event.ts'

const never = -1

export class GossipCache {
  readonly event: (Event | undefined)[] = []
  readonly author: number[] = []
  readonly bytes: number[] = []
  readonly publishedUs: number[] = []
  /** Copies that arrived, and hosts that have it. */
  readonly copies: number[] = []
  readonly delivered: number[] = []
  /** What still needs the message: copies on their way, and hosts that remember it. */
  readonly #uses: number[] = []
  /** Microseconds after the publication at which each host first had it. */
  readonly #firstUs: Int32Array[] = []
  readonly #free: number[] = []
  /** Told when the last use of a message ends. */
  readonly #onDone: (message: number) => void

  constructor(onDone: (message: number) => void) {
    this.#onDone = onDone
  }

  add(event: Event, author: number, bytes: number, hosts: number, nowUs: number): number {
    const message = this.#free.pop() ?? this.event.length
    const held = this.#firstUs[message]
    if (held !== undefined && held.length >= hosts) held.fill(never)
    else this.#firstUs[message] = new Int32Array(hosts + (hosts >> 3)).fill(never)
    this.event[message] = event
    this.author[message] = author
    this.bytes[message] = bytes
    this.publishedUs[message] = nowUs
    this.copies[message] = 0
    this.delivered[message] = 0
    this.#uses[message] = 0
    return message
  }

  has(message: number, host: number): boolean {
    return (this.#firstUs[message]![host] ?? never) !== never
  }

  /** Microseconds of virtual time; only where it has it. */
  firstUs(message: number, host: number): number {
    return this.publishedUs[message]! + this.#firstUs[message]![host]!
  }

  /** False when the host has it already. */
  take(message: number, host: number, nowUs: number): boolean {
    if (this.has(message, host)) return false
    if (host >= this.#firstUs[message]!.length) this.#grow(message, host)
    this.#firstUs[message]![host] = nowUs - this.publishedUs[message]!
    return true
  }

  /** The agent restarts: it has seen nothing. */
  forgetHost(host: number): void {
    for (const first of this.#firstUs) if (host < first.length) first[host] = never
  }

  use(message: number): void {
    this.#uses[message]!++
  }

  release(message: number): void {
    const left = --this.#uses[message]!
    invariant(left >= 0, 'a message is released as often as it is used')
    if (left > 0) return
    this.#onDone(message)
    this.event[message] = undefined
    this.#free.push(message)
  }

  #grow(message: number, host: number): void {
    const grown = new Int32Array(2 * host).fill(never)
    grown.set(this.#firstUs[message]!)
    this.#firstUs[message] = grown
  }
}
