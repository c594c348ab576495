/**
 * The probes and acks of calm members, which are nearly all that happens in a quiet cluster: from row to row of the
 * table of pulses (protocol/membership/pulse.ts), as numbers, without a message, a host or a core being touched. Each
 * function does what the ordinary way does, to the same trace, or says no and leaves it to that one: `isPlain` runs
 * without, and a test compares.
 *
 * What is here are the numbers of the ordinary way that a calm exchange touches: when a host wakes, what it counted,
 * and for each neighbour's slot who that is, which slot we have there, and the connection to it. These are found out
 * whenever a probe or an ack goes the ordinary way.
 */
import { hashName, hashText } from '../protocol/base/hash.ts'
import type { Millis } from '../protocol/base/id.ts'
import { grown } from '../protocol/base/typed.ts'
import { calmMessage, greeting } from '../protocol/calm.ts'
import type { Event } from '../protocol/event.ts'
import { nobody, type PulseTable, slotWord, word } from '../protocol/membership/pulse.ts'
import type { Message } from '../protocol/message.ts'
import { timerMs } from './clock.ts'
import type { Host } from './host.ts'
import type { Simulator } from './simulator.ts'
import { markOfExchange, markOfGreeting, NameMarks, tickMark } from './trace-hash.ts'
import { bytesOf } from './wire.ts'

/** Words of a message under way: one line of memory. */
const letterWords = 8
const letter = { kind: 0, sequence: 1, slot: 2, incarnation: 3, high: 4, low: 5, stamp: 6 } as const
type Kind = 0 | 1 | 2
const [probe, ack, join]: [Kind, Kind, Kind] = [0, 1, 2]

/** What of a host lies in its row: when its timer fires, how far its clock is off, what it counted. */
const own = {
  wakeAtUs: word.spare,
  /** While its clock neither drifts nor was set back; else not a number. */
  offsetUs: word.spare + 1,
  steps: word.spare + 2,
  broadcasts: word.spare + 3,
} as const
/** And of each neighbour: its host, and in one number the way to it and the slot that we have with it. */
const theirs = { host: slotWord.spare, way: slotWord.spare + 1 } as const
const slotsMax = 64
/** Before every time: no timer is set. */
const never = -1

export interface Reach {
  readonly to: number
  readonly way: number
  readonly back: number
}

export class CalmTraffic {
  readonly #simulator: Simulator
  readonly #pulses: PulseTable
  /** Sent so far. */
  letters = 0
  #marks = new Uint32Array(64)
  #letters = new Float64Array(letterWords * 64)
  readonly #free: number[] = []
  #written = 0
  readonly #told = { sequence: 0, incarnation: 0, high: 0, low: 0 }
  readonly #names = new NameMarks()
  readonly #sizes = new Map<number, number>()

  constructor(simulator: Simulator) {
    this.#simulator = simulator
    this.#pulses = simulator.pulses
    this.#pulses.onCleared = (row, slot) => this.#forget(row, slot)
  }

  addHost(host: Host): void {
    const { index } = host
    this.#pulses.grow(index + 1)
    if (index >= this.#marks.length) this.#marks = grown(this.#marks, 2 * index)
    this.#marks[index] = hashText(host.id)
    this.#set(index, own.wakeAtUs, never)
    this.noteClock(host)
  }

  /** The clock was set. */
  noteClock({ index, clock }: Host): void {
    this.#set(index, own.offsetUs, clock.steadyOffsetUs ?? Number.NaN)
  }

  /** Events that the host's core has taken, and broadcasts that it has begun. */
  countsOf(index: number): { readonly steps: number; readonly broadcasts: number } {
    return { steps: this.#get(index, own.steps), broadcasts: this.#get(index, own.broadcasts) }
  }

  countStep(index: number): void {
    this.#set(index, own.steps, this.#get(index, own.steps) + 1)
  }

  countBroadcast(index: number): void {
    this.#set(index, own.broadcasts, this.#get(index, own.broadcasts) + 1)
  }

  /** The host's timer is to fire then, unless it fires before. */
  armWake(index: number, atUs: number): void {
    const { nowUs } = this.#simulator
    const setUs = this.#get(index, own.wakeAtUs)
    if (setUs <= atUs && setUs > nowUs) return
    this.#set(index, own.wakeAtUs, atUs)
    this.#simulator.scheduleWake(atUs - nowUs, index)
  }

  /** Of a host whose row is calm. */
  armCalmWake(index: number): void {
    this.#armWake(index, this.#nowMs(index))
  }

  disarmWake(index: number): void {
    this.#set(index, own.wakeAtUs, never)
  }

  /** The host's timer fires. */
  wake(index: number): void {
    // It was set anew meanwhile.
    if (this.#get(index, own.wakeAtUs) !== this.#simulator.nowUs) return
    if (!this.#wakeCalmly(index)) this.#simulator.hosts[index]!.wake()
  }

  #wakeCalmly(index: number): boolean {
    if (!this.#pulses.isCalm(index) || this.#isOff()) return false
    const now = this.#nowMs(index)
    if (now >= this.#pulses.deadline(index)) {
      const slot = this.#pulses.turn(index, now)
      if (slot === nobody) return false
      this.#tookTurn(index, slot, this.#pulses.greeted, now)
    }
    this.disarmWake(index)
    this.#armWake(index, now)
    return true
  }

  #tookTurn(index: number, slot: number, greeted: number, now: Millis): void {
    this.countStep(index)
    this.#simulator.recordMark(index, tickMark, 'tick')
    this.#say(probe, index, slot, this.#get(index, word.sequence), now)
    if (greeted !== nobody) this.#say(join, index, greeted, 0, now)
  }

  /** A letter has come. */
  arrive(index: number, source: number, number: number): void {
    const at = number * letterWords
    const letters = this.#letters
    const slot = letters[at + letter.slot]!
    const kind = letters[at + letter.kind]! as Kind
    const now = this.#nowMs(index)
    this.#read(at)
    this.#free.push(number)
    if (this.#isOff() || !this.#isFrom(index, slot, source) || !this.#take(kind, index, slot, now))
      return this.#simulator.hosts[index]!.receive(this.#eventOf(at, source))
    this.countStep(index)
    this.#simulator.recordMark(index, this.#markOf(kind, source), 'message-received')
    if (kind === probe) this.#say(ack, index, slot, this.#told.sequence, now)
    this.#armWake(index, now)
  }

  /** A broadcast has been read: true if all that it says is a death that is nothing to the host's calm member. */
  hearDeath(index: number, event: Event): boolean {
    const { deaths } = this.#simulator
    if (deaths === undefined || event.type !== 'broadcast-received') return false
    if (!this.#pulses.isCalm(index) || this.#isOff()) return false
    const now = this.#nowMs(index)
    const death = now < this.#pulses.deadline(index) && deaths.findFor(index, event.broadcast)
    if (!death) return false
    deaths.put(index, death, now)
    this.countStep(index)
    this.#simulator.recordStep(index, event)
    this.#simulator.notify(index, death.notification)
    this.#armWake(index, now)
    return true
  }

  /** A message went the ordinary way: what the next one needs is noted. */
  note(from: Host, to: Host, { type }: Message): void {
    if (type !== 'probe' && type !== 'ack') return
    const slot = this.#pulses.slotOf(from.index, to.id)
    const back = this.#pulses.slotOf(to.index, from.id)
    if (slot === nobody || back === nobody) return
    const way = this.#simulator.links.wayBetween(from.index, to.index)
    this.connect(from.index, slot, { to: to.index, way, back })
  }

  /** The host in the slot, the way to it, and our slot there. */
  connect(index: number, slot: number, { to, way, back }: Reach): void {
    const of = this.#pulses.slotAt(index, slot)
    this.#pulses.words[of + theirs.host] = to
    this.#pulses.words[of + theirs.way] = way * slotsMax + back
  }

  /** The number of the way to the other, of a host whose slots are known. */
  wayTo(from: Host, to: Host): number {
    const slot = this.#pulses.slotOf(from.index, to.id)
    return Math.floor(
      this.#pulses.words[this.#pulses.slotAt(from.index, slot) + theirs.way]! / slotsMax,
    )
  }

  #take(kind: Kind, index: number, slot: number, now: Millis): boolean {
    if (kind === probe) return this.#pulses.onProbe(index, slot, this.#told, now)
    if (kind === ack) return this.#pulses.onAck(index, slot, this.#told, now)
    return this.#pulses.onGreeting(index, slot, this.#told, now)
  }

  #isFrom(index: number, slot: number, source: number): boolean {
    return this.#pulses.words[this.#pulses.slotAt(index, slot) + theirs.host] === source
  }

  #isOff(): boolean {
    const { options, recorders, network } = this.#simulator
    return options.encode === true || network.looksAtBytes || recorders.size > 0
  }

  #say(kind: Kind, index: number, slot: number, sequence: number, now: Millis): void {
    const { links, hosts, metrics } = this.#simulator
    const of = this.#pulses.slotAt(index, slot)
    const to = this.#pulses.words[of + theirs.host]!
    const wayAndBack = this.#pulses.words[of + theirs.way]!
    const way = Math.floor(wayAndBack / slotsMax)
    if (to === nobody || !links.isFree(way)) {
      const message = this.#messageOf(kind, index, sequence, now)
      return hosts[index]!.sendTo(slot, message)
    }
    if (metrics.isToWeigh()) metrics.weigh(this.#bytesOf(kind, index, sequence, now))
    const transitUs = links.carry(way, index, to)
    if (transitUs === Number.POSITIVE_INFINITY) {
      const message = this.#messageOf(kind, index, sequence, now)
      const event: Event = { type: 'message-received', from: hosts[index]!.id, message }
      return links.doom(hosts[index]!, hosts[to]!, event)
    }
    const number = this.#write(kind, index, wayAndBack - way * slotsMax, sequence, now)
    this.#simulator.scheduleLetter(transitUs, index, to, number)
  }

  #write(kind: Kind, index: number, slot: number, sequence: number, now: Millis): number {
    this.letters++
    const number = this.#free.pop() ?? this.#written++
    if (number * letterWords >= this.#letters.length)
      this.#letters = grown(this.#letters, 2 * this.#letters.length)
    const letters = this.#letters
    const at = number * letterWords
    letters[at + letter.kind] = kind
    letters[at + letter.sequence] = sequence
    letters[at + letter.slot] = slot
    letters[at + letter.incarnation] = this.#get(index, word.incarnation)
    letters[at + letter.high] = this.#get(index, highWord(kind))
    letters[at + letter.low] = this.#get(index, lowWord(kind))
    letters[at + letter.stamp] = this.#pulses.stamp(index, now)
    return number
  }

  #read(at: number): void {
    const letters = this.#letters
    const told = this.#told
    told.sequence = letters[at + letter.sequence]!
    told.incarnation = letters[at + letter.incarnation]!
    told.high = letters[at + letter.high]!
    told.low = letters[at + letter.low]!
  }

  #eventOf(at: number, source: number): Event {
    const letters = this.#letters
    const { sequence, incarnation, high, low } = this.#told
    const name = hashName(high, low)
    const stamp = letters[at + letter.stamp]!
    const kind = letters[at + letter.kind]! as Kind
    const message = messageFrom(kind, { sequence, incarnation, name, stamp })
    return { type: 'message-received', from: this.#simulator.hosts[source]!.id, message }
  }

  /** Calm messages of a kind differ in size by their numbers only. */
  #bytesOf(kind: Kind, index: number, sequence: number, now: Millis): number {
    const numbers = [sequence, this.#get(index, word.incarnation), this.#pulses.stamp(index, now)]
    const key = numbers.reduce((sum, number) => sum * 10 + codedBytes(number), kind)
    let bytes = this.#sizes.get(key)
    if (bytes === undefined) {
      bytes = bytesOf(this.#messageOf(kind, index, sequence, now))
      this.#sizes.set(key, bytes)
    }
    return bytes
  }

  #messageOf(kind: Kind, index: number, sequence: number, now: Millis): Message {
    const name = hashName(this.#get(index, highWord(kind)), this.#get(index, lowWord(kind)))
    const stamp = this.#pulses.stamp(index, now)
    const incarnation = this.#get(index, word.incarnation)
    return messageFrom(kind, { sequence, incarnation, name, stamp })
  }

  #markOf(kind: Kind, source: number): number {
    const { sequence, incarnation, high, low } = this.#told
    const from = this.#marks[source]!
    const name = this.#names.markOf(high, low)
    if (kind === join) return markOfGreeting(from, name)
    return markOfExchange(kind === ack, from, sequence, incarnation, name)
  }

  #nowMs(index: number): Millis {
    const { nowUs, epochMs } = this.#simulator
    const offsetUs = this.#get(index, own.offsetUs)
    if (Number.isNaN(offsetUs)) return this.#simulator.hosts[index]!.clock.nowMs(nowUs)
    return epochMs + Math.floor((nowUs + offsetUs) / 1000)
  }

  #armWake(index: number, now: Millis): void {
    const { nowUs } = this.#simulator
    const deadline = this.#pulses.deadline(index)
    const atUs = Number.isNaN(this.#get(index, own.offsetUs))
      ? this.#simulator.hosts[index]!.clock.timerAtUs(deadline, nowUs)
      : nowUs + 1000 * timerMs(deadline - now)
    this.armWake(index, atUs)
  }

  #forget(row: number, slot: number): void {
    this.#pulses.words[this.#pulses.slotAt(row, slot) + theirs.host] = nobody
  }

  #get(index: number, name: number): number {
    return this.#pulses.words[index * this.#pulses.stride + name]!
  }

  #set(index: number, name: number, value: number): void {
    this.#pulses.words[index * this.#pulses.stride + name] = value
  }
}

/** Of a whole number in CBOR (RFC 8949, section 3). */
function codedBytes(number: number): number {
  if (number < 24) return 1
  if (number < 2 ** 8) return 2
  if (number < 2 ** 16) return 3
  return number < 2 ** 32 ? 5 : 9
}

/** The hash that a message of the kind tells of its sender. */
function highWord(kind: Kind): number {
  return kind === join ? word.digestHigh : word.rootHigh
}

function lowWord(kind: Kind): number {
  return kind === join ? word.digestLow : word.rootLow
}

function messageFrom(
  kind: Kind,
  said: { sequence: number; incarnation: number; name: string; stamp: number },
): Message {
  const { sequence, incarnation, name, stamp } = said
  if (kind === join) return greeting(incarnation, name)
  const type = kind === ack ? 'ack' : 'probe'
  return calmMessage({ type, sequence, incarnation, root: name, clock: stamp })
}
