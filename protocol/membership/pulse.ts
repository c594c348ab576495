/**
 * The pulse of calm members, one row of numbers each: whose turn it is, the probe under way, when each neighbour
 * was last heard. Of a member's life nearly all is this: a probe and an ack a second, which say that nothing is
 * new. What they change lies together here, in four lines of memory, so that a simulator can let thousands of them
 * beat; a step over the ordinary structures reads a hundred lines, and waits for each.
 *
 * Invariant: while a row is calm, each function below does to it what the ordinary step would do to the structures
 * that the row stands for (calm.ts), or does nothing and says so: then the ordinary step is made. Simulated runs
 * with and without rows have the same trace.
 */
import { type MemberId, type Millis, type Stamp, stampsPerMs } from '../base/id.ts'
import { deviationAfter, patienceMs, smoothedAfter } from '../base/patience.ts'
import { grown } from '../base/typed.ts'
import type { Config } from '../config.ts'
import { compareEvery, comparisonOf } from './turns.ts'

/** Words of a row, those of each line of memory together; then come those of its neighbours. */
export const word = {
  /** 1 while the row stands for its member, else 0. */
  isCalm: 0,
  /** Neighbours whose `agreedIn` is another have to be looked at the ordinary way. */
  version: 1,
  turn: 2,
  turnAt: 3,
  /** When anything else is due that the row knows nothing of. */
  otherAt: 4,
  sequence: 5,
  /** Of the probe under way: when it was sent, -1 once it is answered; to which neighbour, -1 once that was heard. */
  sentAt: 6,
  probing: 7,
  timeoutAt: 8,
  /** Of `Patience`. */
  smoothed: 9,
  deviation: 10,
  /** The greatest stamp that was seen. */
  stamp: 11,
  /** The replica's root hash. */
  rootHigh: 12,
  rootLow: 13,
  incarnation: 14,
  subjects: 15,
  /** Whose turn is next. */
  subject: 16,
  comparePhase: 17,
  /** Of the table of members. */
  digestHigh: 18,
  digestLow: 19,
  /** Until then greetings are left out of turns. */
  greetsFrom: 20,
  /** When one of the lost is sought. */
  seekAt: 21,
  /** How many are known that are dead or have left. */
  lost: 22,
  /** When a neighbour was last heard to hold the same. */
  agreedAt: 23,
  /** Four for whoever drives the members: a simulator keeps there what it needs of each in the same moment. */
  spare: 28,
} as const

/** Words of a neighbour: one line of memory. */
export const slotWord = {
  /** When it was last heard, and heard to hold the same as we do; `never`, also where that is told already. */
  heardAt: 0,
  agreedAt: 1,
  incarnation: 2,
  /** The row's version in which an exchange with it changed nothing but these times. */
  agreedIn: 3,
  /** Not of this neighbour, but of the turn with its number: whom it probes, and at which moment of it. */
  subject: 4,
  phaseMs: 5,
  /** Two for whoever drives the members. */
  spare: 6,
} as const

const rowWords = 32
const slotWords = 8
export const nobody = -1
/** No answer is awaited. */
export const unsent = -1
export const never = -1

/** What the death of a member that is nothing to it makes of a row. */
export interface RowsDeath {
  /** What becomes less of the halves of the table's digest. */
  readonly share: { readonly high: number; readonly low: number }
  /** Until then greetings wait. */
  readonly greetsFrom: Millis
  /** When one of the lost is sought. */
  readonly seekAt: Millis
  /** By then it is in the journal. */
  readonly journaledAt: Millis
}

/** Of a row that stands for a member: whose slots they are. */
export interface Slots {
  slotOf(member: MemberId): number
  memberAt(slot: number): MemberId
}

export class PulseTable {
  words: Float64Array
  /** With whom the member compares tables in the turn that was taken last. */
  greeted = nobody
  /** The slot is another neighbour's from now on. */
  onCleared: ((row: number, slot: number) => void) | undefined
  readonly slots: number
  readonly stride: number
  readonly #intervalMs: Millis
  readonly #timeoutMs: Millis
  readonly #compareEvery: number
  readonly #slots: (Slots | undefined)[] = []

  constructor(config: Config, rows: number) {
    this.slots = Math.max(config.fullMeshMax, 2 * config.ringsMax)
    this.stride = rowWords + this.slots * slotWords
    this.#intervalMs = config.probeIntervalMs
    this.#timeoutMs = config.probeTimeoutMs
    this.#compareEvery = compareEvery(config)
    this.words = new Float64Array(rows * this.stride)
  }

  /** Room for so many rows. */
  grow(rows: number): void {
    if (rows * this.stride > this.words.length)
      this.words = grown(this.words, 2 * rows * this.stride)
  }

  /** The row begins, for a member's new life. */
  begin(row: number, slots: Slots): void {
    this.grow(row + 1)
    this.#slots[row] = slots
    const at = row * this.stride
    this.words.fill(0, at, at + word.spare)
    this.words[at + word.version] = 1
    this.words[at + word.timeoutAt] = Number.POSITIVE_INFINITY
    for (let slot = 0; slot < this.slots; slot++) this.clearSlot(row, slot)
  }

  /** Another neighbour's from now on. */
  clearSlot(row: number, slot: number): void {
    const of = this.slotAt(row, slot)
    this.words[of + slotWord.heardAt] = never
    this.words[of + slotWord.agreedAt] = never
    this.words[of + slotWord.agreedIn] = 0
    this.onCleared?.(row, slot)
  }

  /** The member is gone. */
  end(row: number): void {
    this.words[row * this.stride + word.isCalm] = 0
  }

  /** The row goes on by itself; whose slots it has is not known until it begins again. */
  letGo(row: number): void {
    this.#slots[row] = undefined
  }

  /** The row after `begins` is as before it. */
  keeping<T>(row: number, begins: () => T): T {
    const held = this.words.slice(row * this.stride, (row + 1) * this.stride)
    const result = begins()
    this.words.set(held, row * this.stride)
    return result
  }

  /** `nobody` where the member has none, or nothing is known of the row. */
  slotOf(row: number, member: MemberId): number {
    return this.#slots[row]?.slotOf(member) ?? nobody
  }

  memberAt(row: number, slot: number): MemberId {
    return this.#slots[row]!.memberAt(slot)
  }

  slotAt(row: number, slot: number): number {
    return row * this.stride + rowWords + slot * slotWords
  }

  /** Where the turn with the number has its words, of a row that has subjects. */
  turnAt(row: number, turn: number): number {
    return this.slotAt(row, turn % this.words[row * this.stride + word.subjects]!)
  }

  isCalm(row: number): boolean {
    return this.words[row * this.stride + word.isCalm] === 1
  }

  deadline(row: number): Millis {
    const { words } = this
    const at = row * this.stride
    const turnAt = words[at + word.turnAt]!
    const timeoutAt = words[at + word.timeoutAt]!
    return Math.min(turnAt, timeoutAt, this.#otherAt(at))
  }

  /** A member that is nothing to the row's has died: what that makes of the digest, and of what is due. */
  noteDeath(row: number, { share, greetsFrom, seekAt, journaledAt }: RowsDeath): void {
    const { words } = this
    const at = row * this.stride
    words[at + word.digestHigh] = (words[at + word.digestHigh]! - share.high) >>> 0
    words[at + word.digestLow] = (words[at + word.digestLow]! - share.low) >>> 0
    words[at + word.lost]! += 1
    words[at + word.greetsFrom] = greetsFrom
    words[at + word.seekAt] = seekAt
    words[at + word.otherAt] = Math.min(journaledAt, words[at + word.otherAt]!)
  }

  /** What the row's member says of the time. */
  stamp(row: number, now: Millis): Stamp {
    return Math.max(this.words[row * this.stride + word.stamp]!, now * stampsPerMs)
  }

  /**
   * Its turn has come: the neighbour to be probed, under the sequence that is now the row's; `nobody`: not a calm turn.
   */
  turn(row: number, now: Millis): number {
    const { words } = this
    const at = row * this.stride
    const slot = words[at + word.subject]!
    if (words[at + word.isCalm] !== 1 || slot === nobody || !this.#agrees(row, slot)) return nobody
    if (now < words[at + word.turnAt]! || now >= this.#otherAt(at)) return nobody
    if (words[at + word.probing] !== nobody || words[at + word.sentAt] !== unsent) return nobody
    this.greeted = now < words[at + word.greetsFrom]! ? nobody : this.#greets(row)
    if (this.greeted !== nobody && !this.#agrees(row, this.greeted)) return nobody
    const waitMs = patienceMs(words[at + word.smoothed]!, words[at + word.deviation]!)
    words[at + word.sequence]!++
    words[at + word.sentAt] = now
    words[at + word.probing] = slot
    words[at + word.timeoutAt] = now + Math.max(this.#timeoutMs, waitMs)
    this.#advance(row, now)
    return slot
  }

  #otherAt(at: number): Millis {
    return Math.min(this.words[at + word.otherAt]!, this.words[at + word.seekAt]!)
  }

  #greets(row: number): number {
    const at = row * this.stride
    const turn = this.words[at + word.turn]!
    const order = comparisonOf(turn, this.words[at + word.comparePhase]!, this.#compareEvery)
    return order === undefined ? nobody : this.words[this.turnAt(row, order) + slotWord.subject]!
  }

  #advance(row: number, now: Millis): void {
    const { words } = this
    const at = row * this.stride
    const turn = Math.max(words[at + word.turn]! + 1, Math.floor(now / this.#intervalMs))
    const of = this.turnAt(row, turn)
    words[at + word.turn] = turn
    words[at + word.turnAt] = turn * this.#intervalMs + words[of + slotWord.phaseMs]!
    words[at + word.subject] = words[of + slotWord.subject]!
  }

  /** The neighbour's probe has come: true, and an ack is to be sent; false: not a calm one. */
  onProbe(row: number, slot: number, told: Told, now: Millis): boolean {
    if (!this.#holdsTheSame(row, slot, told, now)) return false
    this.#agree(row, slot, now)
    return true
  }

  /** Its answer has come. */
  onAck(row: number, slot: number, told: Told, now: Millis): boolean {
    const { words } = this
    const at = row * this.stride
    const sentAt = words[at + word.sentAt]!
    if (sentAt === unsent || told.sequence !== words[at + word.sequence]) return false
    if (!this.#holdsTheSame(row, slot, told, now)) return false
    this.#agree(row, slot, now)
    const smoothed = words[at + word.smoothed]!
    words[at + word.smoothed] = smoothedAfter(smoothed, now - sentAt)
    words[at + word.deviation] = deviationAfter(smoothed, words[at + word.deviation]!, now - sentAt)
    words[at + word.sentAt] = unsent
    return true
  }

  /** Its greeting has come, with the digest of its table. */
  onGreeting(row: number, slot: number, told: Told, now: Millis): boolean {
    const { words } = this
    const at = row * this.stride
    if (!this.#isFrom(row, slot, told, now)) return false
    if (words[at + word.digestLow] !== told.low || words[at + word.digestHigh] !== told.high)
      return false
    this.#hear(row, slot, now)
    return true
  }

  #agrees(row: number, slot: number): boolean {
    const { words } = this
    const agreedIn = words[this.slotAt(row, slot) + slotWord.agreedIn]
    return agreedIn === words[row * this.stride + word.version]
  }

  #isFrom(row: number, slot: number, { incarnation }: Told, now: Millis): boolean {
    if (!this.isCalm(row) || !this.#agrees(row, slot) || now >= this.deadline(row)) return false
    return this.words[this.slotAt(row, slot) + slotWord.incarnation] === incarnation
  }

  #holdsTheSame(row: number, slot: number, told: Told, now: Millis): boolean {
    const { words } = this
    const at = row * this.stride
    return (
      this.#isFrom(row, slot, told, now) &&
      words[at + word.rootLow] === told.low &&
      words[at + word.rootHigh] === told.high
    )
  }

  #agree(row: number, slot: number, now: Millis): void {
    this.words[this.slotAt(row, slot) + slotWord.agreedAt] = now
    this.words[row * this.stride + word.agreedAt] = now
    this.#hear(row, slot, now)
  }

  #hear(row: number, slot: number, now: Millis): void {
    const { words } = this
    const at = row * this.stride
    words[this.slotAt(row, slot) + slotWord.heardAt] = now
    if (words[at + word.probing] !== slot) return
    words[at + word.probing] = nobody
    words[at + word.timeoutAt] = Number.POSITIVE_INFINITY
  }
}

/** What a probe, an ack or a greeting says that brings nothing new; high and low are the root's, or the digest's. */
export interface Told {
  readonly sequence: number
  readonly incarnation: number
  readonly high: number
  readonly low: number
}
