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

import { hashText, hex32 } from '../protocol/base/hash.ts'
import type { Millis } from '../protocol/base/id.ts'
import { calmMessage } from '../protocol/calm.ts'
import type { Event } from '../protocol/event.ts'
import { nobody, type PulseTable, word } from '../protocol/membership/pulse.ts'
import type { Message } from '../protocol/message.ts'
import { timerMs } from './clock.ts'
import type { Host } from './host.ts'
import type { Simulator } from './simulator.ts'
import { markOfExchange, tickMark } from './trace-hash.ts'

/** Words of a message under way. */
const letterWords = 8
const letter = { isAck: 0, sequence: 1, slot: 2, incarnation: 3, rootHigh: 4, rootLow: 5, stamp: 6 }
const countWords = 5
/** Before every time: no timer is set. */
export const never = -1
export const counted = { steps: 0, sent: 1, published: 2, received: 3, persisted: 4 } as const

export class CalmTraffic {
  /** When each host's timer fires. */
  wakeAtUs = new Float64Array(0)
  /** Of each host: steps, and what left and came. */
  #counts = new Float64Array(0)
  /** Of each host whose clock neither drifts nor was set back: how far it is off; else not a number. */
  #offsetsUs = new Float64Array(0)
  readonly #simulator: Simulator
  readonly #pulses: PulseTable
  /** Of each slot: the neighbour's host, our slot with it, and the number of the way to it. */
  #peers = new Int32Array(0)
  #backs = new Int32Array(0)
  #ways = new Int32Array(0)
  #marks = new Uint32Array(0)
  #letters = new Float64Array(letterWords * 64)
  #free: number[] = []
  #written = 0
  readonly #told = { sequence: 0, incarnation: 0, rootHigh: 0, rootLow: 0 }
  #root = { high: 0, low: 0, text: '', mark: 0 }

  constructor(simulator: Simulator) {
    this.#simulator = simulator
    this.#pulses = simulator.pulses
    this.#pulses.onAssigned = (row) => this.#forget(row)
  }

  addHost(host: Host): void {
    const { index } = host
    if (index >= this.#marks.length) this.#grow(Math.max(64, 2 * index))
    this.wakeAtUs[index] = never
    this.#marks[index] = hashText(host.id)
    this.noteClock(host)
  }

  /** The clock was set. */
  noteClock({ index, clock }: Host): void {
    this.#offsetsUs[index] = clock.steadyOffsetUs ?? Number.NaN
  }

  count(index: number, what: number): void {
    this.#counts[index * countWords + what]!++
  }

  counted(index: number, what: number): number {
    return this.#counts[index * countWords + what]!
  }

  /** The timer is to fire then, unless it fires before. */
  armWake(index: number, atUs: number): void {
    const { nowUs } = this.#simulator
    const setUs = this.wakeAtUs[index]!
    if (setUs <= atUs && setUs > nowUs) return
    this.wakeAtUs[index] = atUs
    this.#simulator.scheduleWake(atUs - nowUs, index)
  }

  /** The host's timer fires. */
  wake(index: number): void {
    // It was set anew meanwhile.
    if (this.wakeAtUs[index] !== this.#simulator.nowUs) return
    if (!this.#wakeCalmly(index)) this.#simulator.hosts[index]!.wake()
  }

  #wakeCalmly(index: number): boolean {
    if (!this.#pulses.isCalm(index) || this.#isOff()) return false
    const now = this.#nowMs(index)
    if (now < this.#pulses.deadline(index)) {
      this.wakeAtUs[index] = never
      this.#armWake(index)
      return true
    }
    const slot = this.#pulses.turn(index, now)
    if (slot === nobody) return false
    this.wakeAtUs[index] = never
    this.count(index, counted.steps)
    this.#simulator.recordMark(index, tickMark, 'tick')
    const sequence = this.#pulses.words[index * this.#pulses.stride + word.sequence]!
    this.#say(false, index, slot, sequence, now)
    this.#armWake(index)
    return true
  }

  /** A letter has come. */
  arrive(index: number, source: number, number: number): void {
    const at = number * letterWords
    const letters = this.#letters
    const slot = letters[at + letter.slot]!
    const isAck = letters[at + letter.isAck] === 1
    const told = this.#told
    told.sequence = letters[at + letter.sequence]!
    told.incarnation = letters[at + letter.incarnation]!
    told.rootHigh = letters[at + letter.rootHigh]!
    told.rootLow = letters[at + letter.rootLow]!
    this.#free.push(number)
    if (!this.#isFrom(index, slot, source) || this.#isOff() || !this.#take(index, slot, isAck))
      return this.#simulator.hosts[index]!.arrive(this.#eventOf(at, source))
    this.count(index, counted.received)
    this.count(index, counted.steps)
    const { sequence, incarnation } = told
    const mark = markOfExchange(
      isAck,
      this.#marks[source]!,
      sequence,
      incarnation,
      this.#rootMark(),
    )
    this.#simulator.recordMark(index, mark, 'message-received')
    if (!isAck) this.#say(true, index, slot, sequence, this.#nowMs(index))
    this.#armWake(index)
  }

  /** An exchange went the ordinary way: what the next one needs is noted. */
  note(from: Host, to: Host, message: Message): void {
    if (message.type !== 'probe' && message.type !== 'ack') return
    const [slot, back] = [this.#slot(from, to), this.#slot(to, from)]
    if (slot === nobody || back === nobody) return
    const at = from.index * this.#pulses.slots + slot
    this.#peers[at] = to.index
    this.#backs[at] = back
    this.#ways[at] = this.#simulator.links.wayNumber(from, to)
  }

  #slot(from: Host, to: Host): number {
    return this.#pulses.slotOf(from.index, to.id)
  }

  #take(index: number, slot: number, isAck: boolean): boolean {
    const now = this.#nowMs(index)
    return isAck
      ? this.#pulses.onAck(index, slot, this.#told, now)
      : this.#pulses.onProbe(index, slot, this.#told, now)
  }

  #isFrom(index: number, slot: number, source: number): boolean {
    return slot !== nobody && this.#peers[index * this.#pulses.slots + slot] === source
  }

  #isOff(): boolean {
    const { options, recorders, network } = this.#simulator
    return options.encode === true || network.looksAtBytes || recorders.size > 0
  }

  #say(isAck: boolean, index: number, slot: number, sequence: number, now: Millis): void {
    const { links, hosts, metrics } = this.#simulator
    const at = index * this.#pulses.slots + slot
    const to = this.#peers[at]!
    const way = this.#ways[at]!
    if (to === nobody || !links.isFree(way)) {
      const member = this.#pulses.memberAt(index, slot)
      return hosts[index]!.send(member, this.#messageOf(isAck, index, sequence, now))
    }
    this.count(index, counted.sent)
    if (metrics.isToWeigh()) metrics.weigh(this.#messageOf(isAck, index, sequence, now))
    const transitUs = links.carry(way, index, to)
    if (transitUs === Number.POSITIVE_INFINITY) {
      const message = this.#messageOf(isAck, index, sequence, now)
      const event: Event = { type: 'message-received', from: hosts[index]!.id, message }
      return links.doom(hosts[index]!, hosts[to]!, event)
    }
    const number = this.#write(isAck, index, this.#backs[at]!, sequence, now)
    this.#simulator.scheduleLetter(transitUs, index, to, number)
  }

  #write(isAck: boolean, index: number, slot: number, sequence: number, now: Millis): number {
    const number = this.#free.pop() ?? this.#written++
    if (number * letterWords >= this.#letters.length) {
      const letters = new Float64Array(2 * this.#letters.length)
      letters.set(this.#letters)
      this.#letters = letters
    }
    const { words, stride } = this.#pulses
    const letters = this.#letters
    const at = number * letterWords
    const from = index * stride
    letters[at + letter.isAck] = isAck ? 1 : 0
    letters[at + letter.sequence] = sequence
    letters[at + letter.slot] = slot
    letters[at + letter.incarnation] = words[from + word.incarnation]!
    letters[at + letter.rootHigh] = words[from + word.rootHigh]!
    letters[at + letter.rootLow] = words[from + word.rootLow]!
    letters[at + letter.stamp] = this.#pulses.stamp(index, now)
    return number
  }

  #eventOf(at: number, source: number): Event {
    const letters = this.#letters
    const message = calmMessage({
      type: letters[at + letter.isAck] === 1 ? 'ack' : 'probe',
      sequence: letters[at + letter.sequence]!,
      incarnation: letters[at + letter.incarnation]!,
      root: rootText(letters[at + letter.rootHigh]!, letters[at + letter.rootLow]!),
      clock: letters[at + letter.stamp]!,
    })
    return { type: 'message-received', from: this.#simulator.hosts[source]!.id, message }
  }

  #messageOf(isAck: boolean, index: number, sequence: number, now: Millis): Message {
    const { words, stride } = this.#pulses
    const at = index * stride
    return calmMessage({
      type: isAck ? 'ack' : 'probe',
      sequence,
      incarnation: words[at + word.incarnation]!,
      root: rootText(words[at + word.rootHigh]!, words[at + word.rootLow]!),
      clock: this.#pulses.stamp(index, now),
    })
  }

  /** All that are calm have nearly always the same root. */
  #rootMark(): number {
    const { rootHigh, rootLow } = this.#told
    if (this.#root.high !== rootHigh || this.#root.low !== rootLow || this.#root.text === '') {
      const text = rootText(rootHigh, rootLow)
      this.#root = { high: rootHigh, low: rootLow, text, mark: hashText(text) }
    }
    return this.#root.mark
  }

  #nowMs(index: number): Millis {
    const { nowUs, epochMs } = this.#simulator
    const offsetUs = this.#offsetsUs[index]!
    if (Number.isNaN(offsetUs)) return this.#simulator.hosts[index]!.clock.nowMs(nowUs)
    return epochMs + Math.floor((nowUs + offsetUs) / 1000)
  }

  #armWake(index: number): void {
    const { nowUs } = this.#simulator
    const deadline = this.#pulses.deadline(index)
    const atUs = Number.isNaN(this.#offsetsUs[index]!)
      ? this.#simulator.hosts[index]!.clock.timerAtUs(deadline, nowUs)
      : nowUs + 1000 * timerMs(deadline - this.#nowMs(index))
    this.armWake(index, atUs)
  }

  #forget(row: number): void {
    const { slots } = this.#pulses
    this.#peers.fill(nobody, row * slots, (row + 1) * slots)
  }

  #grow(hosts: number): void {
    const { slots } = this.#pulses
    this.wakeAtUs = grown(this.wakeAtUs, new Float64Array(hosts).fill(never))
    this.#counts = grown(this.#counts, new Float64Array(hosts * countWords))
    this.#offsetsUs = grown(this.#offsetsUs, new Float64Array(hosts))
    this.#marks = grown(this.#marks, new Uint32Array(hosts))
    this.#peers = grown(this.#peers, new Int32Array(hosts * slots).fill(nobody))
    this.#backs = grown(this.#backs, new Int32Array(hosts * slots))
    this.#ways = grown(this.#ways, new Int32Array(hosts * slots))
  }
}

function grown<T extends Float64Array | Int32Array | Uint32Array>(held: T, room: T): T {
  room.set(held)
  return room
}

function rootText(high: number, low: number): string {
  return hex32(high) + hex32(low)
}
