/**
 * One member of a SWIM group: it probes the others in turn, directly, then through three others and over TCP;
 * suspects who does not answer; tells updates on its probes and on gossip of its own. Everyone starts with
 * everyone alive, so a view holds only what differs from that.
 */
import type { Random } from '../../../protocol/base/random.ts'
import { BroadcastQueue, type SwimState, type Update } from './broadcast-queue.ts'
import { Prober } from './prober.ts'
import { swimSettings as settings, suspicionUs } from './settings.ts'
import type { Datagram, SwimWorld } from './world.ts'

export interface Known {
  incarnation: number
  state: SwimState
  sinceUs: number
  /** While suspect: who says so. */
  accusers: Set<number> | undefined
}

const unheard: Known = { incarnation: 0, state: 'alive', sinceUs: 0, accusers: undefined }

export class SwimMember {
  readonly index: number
  readonly world: SwimWorld
  readonly random: Random
  readonly known = new Map<number, Known>()
  isUp = true
  /** Lifeguard's local health: 0 is well. */
  awareness = 0
  #incarnation = 0
  readonly #queue = new BroadcastQueue()
  readonly #prober: Prober

  constructor(index: number, world: SwimWorld, random: Random) {
    this.index = index
    this.world = world
    this.random = random
    this.#prober = new Prober(this)
  }

  /** Everyone starts somewhere in its intervals. */
  start(): void {
    const { probeIntervalUs, gossipIntervalUs } = settings
    this.#later(this.random.below(probeIntervalUs), () => this.#prober.probe())
    this.#later(this.random.below(gossipIntervalUs), () => this.#gossip())
    this.#later(this.random.below(this.world.pushPullUs), () => this.#pushPull())
  }

  stateOf(subject: number): Known {
    return this.known.get(subject) ?? unheard
  }

  onDatagram(from: number, datagram: Datagram): void {
    if (!this.isUp) return
    for (const update of datagram.updates) this.learn(update)
    if (datagram.type === 'ping') this.tell(from, { type: 'ack', sequence: datagram.sequence })
    else if (datagram.type !== 'gossip') this.#prober.onDatagram(from, datagram)
  }

  /** With what there is to tell. */
  tell(to: number, message: { type: 'ping' | 'ack' | 'nack'; sequence: number }): void {
    this.world.send(this.index, to, { ...message, updates: this.#updates() })
  }

  askToProbe(by: number, target: number, sequence: number): void {
    const updates = this.#updates()
    this.world.send(this.index, by, { type: 'indirect', sequence, target, updates })
  }

  suspect(subject: number): void {
    const { incarnation } = this.stateOf(subject)
    this.learn({ subject, incarnation, state: 'suspect', from: this.index })
  }

  notePerformance(change: number): void {
    this.awareness = Math.max(0, Math.min(settings.awarenessMax - 1, this.awareness + change))
  }

  learn(update: Update): void {
    if (update.subject === this.index) return this.#onSelf(update)
    if (update.state === 'alive') this.#onAlive(update)
    else if (update.state === 'suspect') this.#onSuspect(update)
    else this.#onDead(update)
  }

  /** Up to `count` others that it takes for alive, or whom `accepts` lets through. */
  others(count: number, accepts: (index: number) => boolean): number[] {
    const found: number[] = []
    for (let tries = 0; found.length < count && tries < 3 * this.world.members; tries++) {
      const other = this.random.below(this.world.members)
      if (other !== this.index && !found.includes(other) && accepts(other)) found.push(other)
      if (tries > 10 * count && found.length > 0) break
    }
    return found
  }

  #onSelf({ incarnation, state }: Update): void {
    if (state === 'alive' || incarnation < this.#incarnation) return
    this.#incarnation = incarnation + 1
    this.notePerformance(1)
    const refutation = { subject: this.index, incarnation: this.#incarnation, from: this.index }
    this.#queue.add({ ...refutation, state: 'alive' })
  }

  #onAlive(update: Update): void {
    const held = this.stateOf(update.subject)
    if (update.incarnation <= held.incarnation) return
    this.#put(update, undefined)
  }

  #onSuspect(update: Update): void {
    const { subject, incarnation, from } = update
    const held = this.stateOf(subject)
    if (incarnation < held.incarnation || held.state === 'dead') return
    if (held.state === 'suspect') {
      if (held.accusers!.size > this.world.suspicion.confirmations) return
      if (held.accusers!.has(from)) return
      held.accusers!.add(from)
      this.#queue.add(update)
    } else this.#put(update, new Set([from]))
    this.#watchSuspicion(subject)
  }

  #onDead(update: Update): void {
    const held = this.stateOf(update.subject)
    if (update.incarnation < held.incarnation || held.state === 'dead') return
    this.#put(update, undefined)
    this.world.declaredDead(this.index, update.subject)
  }

  #put(update: Update, accusers: Set<number> | undefined): void {
    const { subject, incarnation, state } = update
    this.known.set(subject, { incarnation, state, sinceUs: this.world.nowUs, accusers })
    this.#queue.add(update)
  }

  /** Looks again when the time for so many accusers is over. */
  #watchSuspicion(subject: number): void {
    const held = this.stateOf(subject)
    const heard = held.accusers!.size - 1
    const dueUs = held.sinceUs + suspicionUs(this.world.suspicion, heard)
    this.#later(Math.max(0, dueUs - this.world.nowUs), () => {
      if (this.known.get(subject) !== held || held.accusers!.size - 1 !== heard) return
      const { incarnation } = held
      this.#onDead({ subject, incarnation, state: 'dead', from: this.index })
    })
  }

  #gossip(): void {
    this.#later(settings.gossipIntervalUs, () => this.#gossip())
    if (this.#queue.isEmpty) return
    const accepts = (other: number): boolean => {
      const { state, sinceUs } = this.stateOf(other)
      return state !== 'dead' || this.world.nowUs - sinceUs <= settings.gossipToTheDeadUs
    }
    for (const to of this.others(settings.gossipNodes, accepts)) {
      const updates = this.#updates()
      if (updates.length > 0) this.world.send(this.index, to, { type: 'gossip', updates })
    }
  }

  #pushPull(): void {
    this.#later(this.world.pushPullUs, () => this.#pushPull())
    const [other] = this.others(1, (each) => this.stateOf(each).state === 'alive')
    const tripUs = other === undefined ? undefined : this.world.streamTripUs(this.index, other)
    if (tripUs === undefined) return
    this.#later(tripUs, () => this.world.exchangeStates(this.index, other!))
  }

  #updates(): readonly Update[] {
    return this.#queue.take(settings.updatesPerDatagram, this.world.retransmits)
  }

  #later(delayUs: number, run: () => void): void {
    this.world.after(delayUs, this.index, () => {
      if (this.isUp) run()
    })
  }
}
