/**
 * Who is dialled when, by the rules of node/network/dialler.ts: one attempt at a time; after a failure a back-off
 * that doubles from 250 ms to 8 s; of two that keep a link the one with the larger id waits a little; what is sent
 * meanwhile waits for the link, and is lost with the attempt. An attempt takes round trips, any packet of which may
 * be lost, and work at both ends; a machine without an agent refuses, one that is off or cut off is tried again after
 * 1 s and 3 s, and given up after 5 s.
 *
 * Not modelled: the work of many handshakes at once on one machine, the limit on those under way.
 */
import { mix32 } from '../protocol/base/hash.ts'
import type { Connection, Payload } from './connection.ts'
import type { Host } from './host.ts'
import { networkLimits as limits } from './limits.ts'
import { dialRoundTrips, dialWork } from './measured.ts'
import { Delay } from './quantile.ts'
import type { Simulator } from './simulator.ts'

/** The link is there, after so many failures. */
type OnOpened = (from: Host, to: Host, failures: number) => void

interface Target {
  failures: number
  notBeforeUs: number
  state: 'idle' | 'scheduled' | 'dialling'
  /** Sent while there was no link. */
  readonly waiting: { payload: Payload; bytes: number }[]
}

const work = new Delay(dialWork)
const redialMinUs = 250_000
const redialMaxUs = 8_000_000
const courtesyUs = 150_000
const stableUs = 5_000_000
/** When a SYN without an answer is sent again, and the attempt's end. */
const synAgainUs = [1_000_000, 3_000_000] as const
const attemptUs = 5_000_000

export class Dialler {
  /** refused: there was no agent; timedOut: there was nobody; unreachable: messages dropped for it. */
  readonly counts = { attempts: 0, refused: 0, timedOut: 0, unreachable: 0 }
  readonly #simulator: Simulator
  readonly #onOpened: OnOpened
  /** Of each host, by the other's index. */
  readonly #targets: Map<number, Target>[] = []

  constructor(simulator: Simulator, onOpened: OnOpened) {
    this.#simulator = simulator
    this.#onOpened = onOpened
  }

  dial(from: Host, to: Host): void {
    this.#schedule(from, to, 0)
  }

  keep(from: Host, to: Host): void {
    this.#schedule(from, to, this.#courtesyUs(from, to))
  }

  /** A kept link closed. */
  redial(from: Host, { openedUs, failures, a, b }: Connection): void {
    const to = from === a ? b : a
    const isStable = this.#simulator.nowUs - openedUs >= stableUs
    if (isStable) return this.#schedule(from, to, this.#courtesyUs(from, to))
    const target = this.#target(from, to)
    target.failures = failures
    this.#fail(from, target)
    this.#schedule(from, to, 0)
  }

  /** Something is to be sent: it waits for the attempt. False when the other is backed off from. */
  demand(from: Host, to: Host, payload: Payload, bytes: number): boolean {
    if (from === to) return false
    const target = this.#target(from, to)
    const mayTry = target.state === 'dialling' || target.notBeforeUs <= this.#simulator.nowUs
    if (!mayTry || target.waiting.length >= limits.heldMessages) {
      this.counts.unreachable++
      return false
    }
    target.waiting.push({ payload, bytes })
    if (target.state !== 'dialling') this.#attempt(from, to, target)
    return true
  }

  #schedule(from: Host, to: Host, delayUs: number): void {
    const target = this.#target(from, to)
    if (target.state !== 'idle') return
    target.state = 'scheduled'
    const inUs = Math.max(delayUs, target.notBeforeUs - this.#simulator.nowUs)
    this.#after(inUs, from, to, target, () => {
      if (target.state !== 'scheduled') return
      target.state = 'idle'
      if (this.#simulator.links.isOpen(from, to) || !from.wants(to)) this.#forget(from, to)
      else this.#attempt(from, to, target)
    })
  }

  #attempt(from: Host, to: Host, target: Target): void {
    target.state = 'dialling'
    this.counts.attempts++
    this.#knock(from, to, target, 0)
  }

  #knock(from: Host, to: Host, target: Target, tries: number): void {
    const { network } = this.#simulator
    const isThere = !to.isOff && network.connects(from.index, to.index)
    if (!isThere) return this.#knockAgain(from, to, target, tries)
    if (!to.isUp) {
      const roundTripUs = 2 * network.latencyUs(from.index, to.index)
      this.counts.refused++
      this.#after(roundTripUs, from, to, target, () => this.#onFailure(from, to, target))
      return
    }
    const { life } = to
    const workUs = work.drawUs(network.randomOf(from.index))
    const openUs = network.openingUs(from.index, to.index, dialRoundTrips) + workUs
    if (openUs > attemptUs) {
      this.counts.timedOut++
      return this.#after(attemptUs, from, to, target, () => this.#onFailure(from, to, target))
    }
    this.#after(openUs, from, to, target, () => {
      const isSame = to.isUp && to.life === life
      if (isSame && network.connects(from.index, to.index)) this.#succeed(from, to, target)
      else this.#onFailure(from, to, target)
    })
  }

  #knockAgain(from: Host, to: Host, target: Target, tries: number): void {
    const { network } = this.#simulator
    if (!to.isOff) network.block(from.index, to.index)
    const [sentUs, nextUs] = [synAgainUs[tries - 1] ?? 0, synAgainUs[tries] ?? attemptUs]
    this.#after(nextUs - sentUs, from, to, target, () => {
      if (tries < synAgainUs.length) return this.#knock(from, to, target, tries + 1)
      this.counts.timedOut++
      this.#onFailure(from, to, target)
    })
  }

  #succeed(from: Host, to: Host, target: Target): void {
    this.#forget(from, to)
    const { links } = this.#simulator
    if (!links.isOpen(from, to)) this.#onOpened(from, to, target.failures)
    for (const { payload, bytes } of target.waiting) links.send(from, to, payload, bytes)
  }

  #onFailure(from: Host, to: Host, target: Target): void {
    this.counts.unreachable += target.waiting.splice(0).length
    target.state = 'idle'
    this.#fail(from, target)
    if (this.#simulator.links.isOpen(from, to)) return this.#forget(from, to)
    if (from.wants(to)) this.#schedule(from, to, 0)
  }

  #fail(from: Host, target: Target): void {
    const baseUs = Math.min(redialMaxUs, redialMinUs * 2 ** Math.min(target.failures++, 20))
    const spreadUs = this.#simulator.network.randomOf(from.index).below(baseUs + 1)
    target.notBeforeUs = this.#simulator.nowUs + Math.floor(baseUs / 2) + spreadUs
  }

  #courtesyUs(from: Host, to: Host): number {
    if (dialsFirst(from.index, to.index)) return 0
    const random = this.#simulator.network.randomOf(from.index)
    return courtesyUs / 2 + random.below(courtesyUs + 1)
  }

  #target(from: Host, to: Host): Target {
    this.#targets[from.index] ??= new Map()
    const targets = this.#targets[from.index]!
    const known = targets.get(to.index)
    if (known !== undefined) return known
    const target: Target = { failures: 0, notBeforeUs: 0, state: 'idle', waiting: [] }
    targets.set(to.index, target)
    return target
  }

  #forget(from: Host, to: Host): void {
    this.#targets[from.index]?.delete(to.index)
  }

  /** The agent ended: what it was about is forgotten. */
  clear(host: Host): void {
    this.#targets[host.index]?.clear()
  }

  #after(delayUs: number, from: Host, to: Host, target: Target, run: () => void): void {
    const { life } = from
    const place = { destination: to.index, source: from.index }
    this.#simulator.schedule(delayUs, 'link', place, () => {
      const isKnown = this.#targets[from.index]?.get(to.index) === target
      if (isKnown && from.isUp && from.life === life) run()
    })
  }
}

/** Of two that keep a link. Real ids are hashes: which of them is larger says nothing about their age. */
export function dialsFirst(from: number, to: number): boolean {
  return mix32(from) < mix32(to)
}
