/**
 * The row of one member: when the row begins to stand for the structures of its watch and its turns, and when these
 * take over again. A neighbour has the same slot for as long as it is one: what was found out about it stays true when
 * others come and go.
 */
import { hashWords } from '../base/hash.ts'
import type { MemberId, Millis, Stamp } from '../base/id.ts'
import type { Neighbourhood } from './neighbourhood.ts'
import { never, nobody, type PulseTable, slotWord, word } from './pulse.ts'
import type { Turns } from './turns.ts'
import type { Watch } from './watch.ts'

export interface PulsePlace {
  readonly table: PulseTable
  readonly row: number
}

export interface PulseParts {
  readonly turns: Turns
  readonly watch: Watch
  readonly around: Neighbourhood
}

/** What a member says of itself and of whom it knows, and when anything but its turns is due. */
export interface Rest {
  readonly incarnation: number
  /** Of the table of members. */
  readonly digest: { readonly high: number; readonly low: number }
  /** Until then greetings wait. */
  readonly greetsFrom: Millis
  /** How many are known that are not there, and when one of them is sought. */
  readonly lost: number
  readonly seekAt: Millis
  readonly otherAt: Millis
}

export class Pulse {
  readonly table: PulseTable
  readonly row: number
  readonly #at: number
  readonly #parts: PulseParts
  /** Whose slots they are; undefined where one is free. */
  readonly #members: (MemberId | undefined)[] = []
  #neighbours: readonly MemberId[] = []
  /** Whose turns they are. */
  #subjects: readonly MemberId[] = []
  #root = ''
  /** Some neighbour has agreed in the row's version. */
  #isSettled = false
  /** It may know more of its neighbours than the structures that it stands for. */
  #hasToTell = false

  constructor({ table, row }: PulsePlace, parts: PulseParts) {
    this.table = table
    this.row = row
    this.#at = row * table.stride
    this.#parts = parts
    table.begin(row, this)
  }

  get isCalm(): boolean {
    return this.get(word.isCalm) === 1
  }

  /** While it is calm. */
  get deadline(): Millis {
    return this.table.deadline(this.row)
  }

  get root(): string {
    return this.#root
  }

  slotOf(member: MemberId): number {
    return this.#members.indexOf(member)
  }

  memberAt(slot: number): MemberId {
    return this.#members[slot]!
  }

  /** One of the words of the row. */
  get(name: number): number {
    return this.table.words[this.#at + name]!
  }

  /** From here on the row has what the watch had; nobody is doubted, and nothing is to be told. */
  enter(
    { incarnation, digest, greetsFrom, lost, seekAt, otherAt }: Rest,
    root: string,
    stamp: Stamp,
  ): void {
    const { turns, watch, around } = this.#parts
    if (around.neighbours() !== this.#neighbours || around.subjects() !== this.#subjects)
      this.#assign(around.neighbours(), around.subjects())
    if (root !== this.#root) this.#noteRoot(root)
    const probe = watch.handOver()
    this.#hasToTell = true
    this.#set(word.isCalm, 1)
    this.#set(word.turn, turns.turn)
    this.#set(word.turnAt, turns.at)
    this.#set(word.subject, this.#subjectOf(turns.turn))
    this.#set(word.digestHigh, digest.high)
    this.#set(word.digestLow, digest.low)
    this.#set(word.greetsFrom, greetsFrom)
    this.#set(word.lost, lost)
    this.#set(word.seekAt, seekAt)
    this.#set(word.otherAt, Math.min(otherAt, watch.deadline() ?? Number.POSITIVE_INFINITY))
    this.#set(word.sequence, probe.sequence)
    this.#set(word.sentAt, probe.sentAt)
    this.#set(word.probing, probe.subject === undefined ? nobody : this.slotOf(probe.subject))
    this.#set(word.timeoutAt, probe.timeoutAt)
    this.#set(word.smoothed, watch.patience.smoothed)
    this.#set(word.deviation, watch.patience.deviation)
    this.#set(word.stamp, stamp)
    this.#set(word.incarnation, incarnation)
  }

  /** The watch and the turns have it again. */
  leave(): void {
    const { turns, watch } = this.#parts
    this.#set(word.isCalm, 0)
    turns.turn = this.get(word.turn)
    turns.at = this.get(word.turnAt)
    watch.patience.smoothed = this.get(word.smoothed)
    watch.patience.deviation = this.get(word.deviation)
    const slot = this.get(word.probing)
    watch.takeBack({
      sequence: this.get(word.sequence),
      sentAt: this.get(word.sentAt),
      subject: slot === nobody ? undefined : this.memberAt(slot),
      timeoutAt: this.get(word.timeoutAt),
    })
  }

  /** An exchange with the neighbour has just changed nothing: the next one like it need not be looked at. */
  agree(member: MemberId, incarnation: number, now: Millis): void {
    const slot = this.slotOf(member)
    if (slot === nobody) return
    const { words } = this.table
    const of = this.table.slotAt(this.row, slot)
    words[of + slotWord.heardAt] = now
    words[of + slotWord.agreedAt] = now
    this.#set(word.agreedAt, now)
    words[of + slotWord.incarnation] = incarnation
    words[of + slotWord.agreedIn] = this.get(word.version)
    this.#isSettled = true
  }

  /** The neighbours' exchanges are looked at again, each once. */
  unsettle(): void {
    if (!this.#isSettled) return
    this.#isSettled = false
    this.#set(word.version, this.get(word.version) + 1)
  }

  /** When neighbours were last heard, as far as the watch does not know it. */
  tellHeard(): void {
    this.#tell(slotWord.heardAt, (member, at) => this.#parts.watch.noteHeard(member, at))
    this.#hasToTell = false
  }

  /** When neighbours last held the same as the row's member, as far as that is not told. */
  tellAgreed(onAgreed: (member: MemberId, at: Millis) => void): void {
    this.#tell(slotWord.agreedAt, onAgreed)
  }

  #tell(name: number, tell: (member: MemberId, at: Millis) => void): void {
    if (!this.#hasToTell) return
    const { words } = this.table
    for (let slot = 0; slot < this.#members.length; slot++) {
      const at = this.table.slotAt(this.row, slot) + name
      const member = this.#members[slot]
      if (member === undefined || words[at] === never) continue
      tell(member, words[at]!)
      words[at] = never
    }
  }

  #assign(neighbours: readonly MemberId[], subjects: readonly MemberId[]): void {
    this.#neighbours = neighbours
    this.#subjects = subjects
    this.#assignSlots(neighbours)
    const { words, slots } = this.table
    this.#set(word.subjects, subjects.length <= slots ? subjects.length : 0)
    this.#set(word.comparePhase, this.#parts.turns.comparePhase)
    for (const [turn, subject] of subjects.slice(0, slots).entries()) {
      const of = this.table.slotAt(this.row, turn)
      words[of + slotWord.subject] = this.slotOf(subject)
      words[of + slotWord.phaseMs] = this.#parts.turns.phaseOf(subject)
    }
  }

  #assignSlots(neighbours: readonly MemberId[]): void {
    for (const [slot, member] of this.#members.entries())
      if (member !== undefined && !neighbours.includes(member)) this.#members[slot] = undefined
    const come = neighbours.filter((member) => !this.#members.includes(member))
    for (let slot = 0; slot < this.table.slots; slot++) {
      if (this.#members[slot] !== undefined) continue
      this.#members[slot] = come.shift()
      this.table.clearSlot(this.row, slot)
    }
  }

  #subjectOf(turn: number): number {
    if (this.get(word.subjects) === 0) return nobody
    return this.table.words[this.table.turnAt(this.row, turn) + slotWord.subject]!
  }

  #noteRoot(root: string): void {
    this.#root = root
    const { high, low } = hashWords(root)
    this.#set(word.rootHigh, high)
    this.#set(word.rootLow, low)
  }

  #set(name: number, value: number): void {
    this.table.words[this.#at + name] = value
  }
}
