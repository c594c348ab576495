/**
 * The calm life of a member: while nobody is doubted, nothing is to be told and nothing else is due, its turns,
 * probes and acks are steps of its row of numbers (membership/pulse.ts). Nearly all else goes the ordinary way,
 * and so does the first exchange with each neighbour, also where there is more to tell it of what is free: only where
 * that one changed nothing but times are the next ones like it left to the row.
 */
import { hashName, hashWords } from './base/hash.ts'
import type { EffectId, MemberId, Millis } from './base/id.ts'
import { DistantDeaths, type DistantDeathsParts } from './distant-deaths.ts'
import type { Effect, EffectSink } from './effect.ts'
import type { Event } from './event.ts'
import type { Leaving } from './leaving.ts'
import type { Ack, Join, Probe } from './membership/message.ts'
import { nobody, type Told, word } from './membership/pulse.ts'
import type { Pulse } from './membership/pulse-row.ts'
import type { Message } from './message.ts'
import { PastRecords } from './past-records.ts'
import type { Availability } from './placement/availability.ts'
import type { Replica } from './replication/replica.ts'

export interface CalmParts extends DistantDeathsParts {
  readonly replica: Replica
  readonly leaving: Leaving
}

export class Calm {
  readonly #parts: CalmParts
  readonly distantDeaths: DistantDeaths
  readonly #pulse: Pulse
  readonly #isOff: boolean
  /** What there was of each when the row began to stand for the member: of the log, and of availability. */
  #position = 0
  #version = 0
  readonly #past = new PastRecords()

  constructor(parts: CalmParts, isOff: boolean) {
    this.#parts = parts
    this.distantDeaths = new DistantDeaths(parts)
    this.#pulse = parts.membership.pulse
    this.#isOff = isOff
  }

  get isCalm(): boolean {
    return this.#pulse.isCalm
  }

  deadline(): Millis | undefined {
    const at = this.#pulse.table.deadline(this.#pulse.row)
    return at === Number.POSITIVE_INFINITY ? undefined : at
  }

  /** False where the event is not of the calm life: then nothing is done. */
  step(event: Event, now: Millis, sink: EffectSink): boolean {
    if (event.type === 'tick') return this.#turn(now, sink)
    if (event.type === 'broadcast-received')
      return this.distantDeaths.takes(event.broadcast, now, sink)
    if (event.type === 'persisted') return this.#onPersisted(event.id, now)
    return event.type === 'message-received' && this.#hear(event.from, event.message, now, sink)
  }

  #onPersisted(id: EffectId, now: Millis): boolean {
    return now < this.#pulse.deadline && this.#parts.replica.onPersistedQuietly(id)
  }

  #turn(now: Millis, sink: EffectSink): boolean {
    const { table, row } = this.#pulse
    const slot = table.turn(row, now)
    if (slot === nobody) return false
    const sequence = this.#pulse.get(word.sequence)
    sink.push(this.#say('probe', this.#pulse.memberAt(slot), sequence, now))
    if (table.greeted !== nobody) sink.push(this.#greet(this.#pulse.memberAt(table.greeted)))
    return true
  }

  #hear(from: MemberId, message: Message, now: Millis, sink: EffectSink): boolean {
    if (message.type === 'join') return this.#onGreeting(from, message, now)
    if (!isExchange(message) || !isEmpty(message)) return false
    const { table, row, root } = this.#pulse
    const slot = this.#pulse.slotOf(from)
    if (slot === nobody || message.exchange.root !== root) return false
    const told = this.#told(message)
    if (message.type === 'ack') return table.onAck(row, slot, told, now)
    if (!table.onProbe(row, slot, told, now)) return false
    sink.push(this.#say('ack', from, message.sequence, now))
    return true
  }

  #told({ sequence, incarnation }: Probe | Ack): Told {
    const [high, low] = [this.#pulse.get(word.rootHigh), this.#pulse.get(word.rootLow)]
    return { sequence, incarnation, high, low }
  }

  #onGreeting(from: MemberId, { incarnation, digest, isNew }: Join, now: Millis): boolean {
    const { table, row } = this.#pulse
    const slot = this.#pulse.slotOf(from)
    if (slot === nobody || isNew) return false
    return table.onGreeting(row, slot, { sequence: 0, incarnation, ...hashWords(digest) }, now)
  }

  #greet(to: MemberId): Effect {
    const digest = hashName(this.#pulse.get(word.digestHigh), this.#pulse.get(word.digestLow))
    return { type: 'send', to, message: greeting(this.#pulse.get(word.incarnation), digest) }
  }

  #say(type: 'probe' | 'ack', to: MemberId, sequence: number, now: Millis): Effect {
    const { table, row, root } = this.#pulse
    const incarnation = this.#pulse.get(word.incarnation)
    const clock = table.stamp(row, now)
    return { type: 'send', to, message: calmMessage({ type, sequence, incarnation, root, clock }) }
  }

  /** An ordinary step begins. */
  leave(event: Event): void {
    if (this.#pulse.isCalm) this.#pulse.leave()
    if (event.type === 'broadcast-received' ? this.#isAboutNeighbours(event) : asks(event))
      this.tell()
  }

  #isAboutNeighbours({ broadcast }: Event & { type: 'broadcast-received' }): boolean {
    return broadcast.updates.some(({ member }) => this.#pulse.slotOf(member) !== nobody)
  }

  /** Somebody asks when neighbours were last heard, and last agreed. */
  tell(): void {
    this.#tellAgreed()
    this.#pulse.tellHeard()
  }

  #tellAgreed(): void {
    const { antiEntropy } = this.#parts.replica
    const held = { root: this.#pulse.root, position: this.#position }
    this.#pulse.tellAgreed((member, at) =>
      antiEntropy.noteAgreed(member, at, this.#past.at(at) ?? held),
    )
    this.#past.clear()
  }

  /** An ordinary step is over. `isStirred`: it may have changed more than membership keeps to itself. */
  enter(event: Event, isStirred: boolean, othersDeadline: Millis | undefined, now: Millis): void {
    const { membership, replica, leaving } = this.#parts
    if (this.#isOff || leaving.isLeaving || !replica.antiEntropy.isAtRest) return
    const rest = membership.rest()
    if (rest === undefined) return
    const otherAt = Math.min(rest.otherAt, othersDeadline ?? Number.POSITIVE_INFINITY)
    this.distantDeaths.enter()
    this.#noteChanges(now)
    this.#pulse.enter({ ...rest, otherAt }, replica.root(), replica.clock(0))
    if (!isStirred && event.type === 'message-received') this.#agree(event, now)
  }

  /** Who agreed on other records did so then; who was told all that is free is to be told more. */
  #noteChanges(now: Millis): void {
    const { replica, placement } = this.#parts
    const { root } = this.#pulse
    if (placement.availability.version !== this.#version) this.#pulse.unsettle()
    this.#version = placement.availability.version
    if (replica.root() === root && replica.position === this.#position) return
    // By its time alone, an agreement of this moment could be on either.
    if (this.#pulse.get(word.agreedAt) === now || this.#past.isFull) this.#tellAgreed()
    else this.#past.add({ root, position: this.#position }, now)
    this.#position = replica.position
  }

  #agree({ from, message }: Event & { type: 'message-received' }, now: Millis): void {
    if (!isExchange(message) || !isEmpty(message)) return
    const { membership, replica, placement } = this.#parts
    const { incarnation } = message
    if (membership.incarnationOf(from) !== incarnation || membership.stateOf(from) !== 'alive')
      return
    if (!replica.antiEntropy.agreesWith(from) || !placement.availability.hasTold(from, now)) return
    this.#pulse.agree(from, incarnation, now)
  }
}

/** Somebody may ask then when neighbours were last heard, or agreed. */
function asks(event: Event): boolean {
  if (event.type === 'tick' || event.type === 'persisted') return false
  if (event.type !== 'message-received') return true
  return !isExchange(event.message) && event.message.type !== 'join'
}

/** What a calm member says to a neighbour with whom it compares tables. */
export function greeting(incarnation: number, digest: string): Message {
  return { type: 'join', incarnation, digest, isNew: false }
}

/** What a calm member says in its probes and acks. */
export function calmMessage(said: {
  readonly type: 'probe' | 'ack'
  readonly sequence: number
  readonly incarnation: number
  readonly root: string
  readonly clock: number
}): Message {
  const { type, sequence, incarnation, root, clock } = said
  return {
    type,
    sequence,
    incarnation,
    updates: noUpdates,
    exchange: { root, clock, availability: none },
  }
}

/** A probe or its ack: what members say to each other all the time. */
export function isExchange(message: Message): message is Probe | Ack {
  return message.type === 'probe' || message.type === 'ack'
}

function isEmpty({ updates, exchange }: Probe | Ack): boolean {
  return updates.length === 0 && exchange.availability.length === 0
}

const noUpdates: [] = []
const none: readonly Availability[] = []
