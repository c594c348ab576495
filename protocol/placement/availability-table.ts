/**
 * What every member has free, as far as it is known here, and what of it a peer has yet to be told. Entries
 * spread epidemically on the ring exchange (Demers et al., "Epidemic algorithms", PODC 1987, section 1.4):
 * each member passes on what it learned since it last spoke to that peer, once, so a change reaches all in
 * O(log N) rounds and then there is silence.
 *
 * All changes are numbered in one log. For each peer two marks say what it was told: everything up to `low`,
 * and everything from `gap` to `high`. Newest first, and what did not fit waits between the marks. A peer is
 * not told what it said itself. Lost messages are not noticed: a newer entry follows, within
 * `availabilityIntervalMs` in a small cluster, later in a large one: told by all every 30 s, 10,000 members would
 * have 333 entries a second to say, and their probes would carry nothing else. Where it would follow after more than
 * an hour (beyond some three hundred members) it would repair nothing any more: there only changes are told, which
 * reach each member from ten neighbours.
 *
 * What changes is mostly that something was placed, or has ended: then a record is broadcast within a second, and
 * the entry rides with it. So that is waited for, and whoever hears it that way tells nobody of it, unless a member
 * has come since, or come back, that may have missed it: of ten thousand members each is spared ten copies, and fifty
 * exchanges that are not calm. Told together with other news, as it was, a storm of jobs cost 40 kB a member and
 * second for long after.
 *
 * The cost of an answer is the changes that it carries. The rejected alternative, a queue for each peer,
 * costs peers × members.
 */

import { type BigMap, type BigMaps, plainMaps } from '../base/big-map.ts'
import { hashText } from '../base/hash.ts'
import type { MemberId, Millis } from '../base/id.ts'
import { mulDiv } from '../base/integer.ts'
import { SparseMap } from '../base/sparse.ts'
import type { Config } from '../config.ts'
import { limits } from '../limits.ts'
import type { Availability } from './availability.ts'
import { dimensions, type Resources } from './resources.ts'

/** Told: the changes up to `low`, and those after `gap` up to `high`. low ≤ gap ≤ high. */
interface Told {
  low: number
  gap: number
  high: number
}

interface Change {
  readonly number: number
  readonly member: MemberId
  /** Who told it. */
  readonly from: MemberId
  /** By a broadcast. */
  readonly heardAt: Millis | undefined
}

export interface AvailabilityTableInit {
  readonly config: Config
  readonly self: MemberId
  readonly maps?: BigMaps | undefined
}

const countsPerMs = 4096
/**
 * Every neighbour is spoken to within some ten seconds: what did not change for longer is told. Whoever comes new
 * is a change.
 */
const calmMs = 120_000
/** Up to so many members say what is not new every `availabilityIntervalMs`; beyond, by the square more rarely. */
const refreshedMembers = 30
const refreshIntervalMaxMs = 3_600_000
/** A start's record waits for 300 ms, longer where there is much to hear. */
const ownWaitMs = 1000
/** Whoever comes has links, and hears broadcasts, a little later than it is known. */
const hearingAfterMs = 5000
/** A change of what is used is worth a message from a twentieth of the capacity. */
const usedSteps = 20

export class AvailabilityTable {
  readonly #config: Config
  readonly #self: MemberId
  readonly #maps: BigMaps
  #entries: BigMap<Availability>
  readonly #told = new Map<MemberId, Told>()
  /** In order; an entry whose number is not its member's newest is passed over. */
  #log: Change[] = []
  /** Of the members in the log. */
  readonly #newest = new SparseMap<MemberId, number>()
  /** As in the entries: looked at after every step. */
  #own: Availability | undefined
  /** Everyone who is here has heard what was broadcast since. */
  #hearingSince: Millis = Number.NEGATIVE_INFINITY
  #lastChange = 1
  #lastChangeAt: Millis = 0
  #ownSetAt: Millis | undefined
  /** Since when our own entry waits for a broadcast. */
  #ownWaitsSince: Millis | undefined
  /** The greatest counter of ours that others hold, of an earlier life with a clock that was ahead. */
  #ownFloor = 0

  constructor({ config, self, maps = plainMaps }: AvailabilityTableInit) {
    this.#config = config
    this.#self = self
    this.#maps = maps
    this.#entries = maps.create<Availability>('members')
  }

  /** Begins with what another table holds, and counts it as told to everyone. */
  adopt(other: AvailabilityTable): void {
    this.#entries = this.#maps.copy(other.#entries)
    this.#own = this.#entries.get(this.#self)
  }

  /** True if the entry is told on: it says something new, or enough time has passed. */
  setOwn(entry: Availability, now: Millis): boolean {
    const held = this.#own
    if (held !== undefined && this.#ownDueAt() <= now) this.#tellOwn(held, now)
    // Adopted: told by an earlier life, at some time within the interval.
    this.#ownSetAt ??= now - (hashText(this.#self) % this.#intervalMs())
    const isDue = now - this.#ownSetAt >= this.#intervalMs()
    const isOvertaken = held !== undefined && this.#ownFloor > held.counter
    if (held !== undefined && !isDue && !isOvertaken && !isMaterial(held, entry)) return false
    const counter = Math.max(entry.counter, (held?.counter ?? 0) + 1, this.#ownFloor + 1)
    this.#ownSetAt = now
    this.#ownWaitsSince ??= now
    this.#own = counter === entry.counter ? entry : { ...entry, counter }
    this.#entries.set(this.#self, this.#own)
    return true
  }

  /** To go with a broadcast; undefined where others have it. */
  takeOwn(now: Millis): Availability | undefined {
    const own = this.#own
    if (this.#ownWaitsSince === undefined || own === undefined) return undefined
    this.#ownWaitsSince = undefined
    this.#append(this.#self, this.#self, now, now)
    return own
  }

  /** When this member says the same again, or is done waiting for a broadcast. */
  deadline(): Millis | undefined {
    const againAt = (this.#ownSetAt ?? Number.POSITIVE_INFINITY) + this.#intervalMs()
    const at = Math.min(againAt, this.#ownDueAt())
    return at === Number.POSITIVE_INFINITY ? undefined : at
  }

  /** While it is the same, whoever has been told everything has nothing more to be told. */
  get version(): number {
    return this.#lastChange
  }

  /** What the peer has not been told, newest first. */
  entriesFor(peer: MemberId, now: Millis): readonly Availability[] {
    if (this.hasTold(peer, now)) return none
    const told = this.#toldTo(peer)
    const entries: Availability[] = []
    const newest = this.#lastChange
    const reached = this.#collect(peer, told, entries)
    told.high = newest
    // What was told between the marks before is forgotten when even the news did not fit: told twice, at worst.
    told.gap = reached
    if (reached === told.low) {
      told.low = newest
      told.gap = newest
    }
    return entries
  }

  /** Whether nothing is left to tell the peer, for as long as nothing changes. */
  hasTold(peer: MemberId, now: Millis): boolean {
    const told = this.#toldTo(peer)
    if (now - this.#lastChangeAt > calmMs) {
      told.high = this.#lastChange
      told.low = told.high
      told.gap = told.high
    }
    return told.high === this.#lastChange && told.low === told.gap
  }

  /** Takes what is newer; returns the members whose entry changed. */
  learn(from: MemberId, entries: readonly Availability[], now: Millis): MemberId[] {
    const counterMax = this.#counterMax(now)
    const changed: MemberId[] = []
    for (const entry of entries.slice(0, limits.availabilityPerExchange)) {
      if (!isPlausible(entry, counterMax)) continue
      if (entry.member === this.#self) this.#ownFloor = Math.max(this.#ownFloor, entry.counter)
      else if (this.#isNewer(entry)) {
        this.#put(entry, from, now)
        changed.push(entry.member)
      }
    }
    return changed
  }

  /** By its member's broadcast. True if it is newer. */
  hear(entry: Availability, now: Millis): boolean {
    const isOwn = entry.member === this.#self
    if (isOwn || !isPlausible(entry, this.#counterMax(now)) || !this.#isNewer(entry)) return false
    this.#entries.set(entry.member, entry)
    this.#append(entry.member, entry.member, now, now)
    return true
  }

  get(member: MemberId): Availability | undefined {
    return this.#entries.get(member)
  }

  /** A member that was not there. */
  noteArrival(now: Millis): void {
    this.#hearingSince = now + hearingAfterMs
  }

  forget(member: MemberId): void {
    this.#entries.delete(member)
    this.#newest.delete(member)
    this.#told.delete(member)
  }

  #counterMax(now: Millis): number {
    return (now + this.#config.maxClockDriftMs) * countsPerMs
  }

  #ownDueAt(): Millis {
    return (this.#ownWaitsSince ?? Number.POSITIVE_INFINITY) + ownWaitMs
  }

  #tellOwn(own: Availability, now: Millis): void {
    this.#ownWaitsSince = undefined
    this.#put(own, this.#self, now)
  }

  #isNewer({ member, counter }: Availability): boolean {
    const held = this.#entries.get(member)
    if (held !== undefined) return counter > held.counter
    return this.#entries.size < limits.members
  }

  #put(entry: Availability, from: MemberId, now: Millis): void {
    this.#lastChange += 1
    this.#entries.set(entry.member, entry)
    this.#append(entry.member, from, now)
  }

  /** Under the number of the last change: whoever has been told that is not told this. */
  #append(member: MemberId, from: MemberId, now: Millis, heardAt?: Millis): void {
    this.#lastChangeAt = now
    if (this.#newest.get(member) === this.#lastChange) return
    this.#newest.set(member, this.#lastChange)
    this.#log.push({ number: this.#lastChange, member, from, heardAt })
    if (this.#log.length > 64 && this.#log.length > 2 * this.#newest.size) this.#compact()
  }

  #compact(): void {
    this.#log = this.#log.filter(({ number, member }) => this.#newest.get(member) === number)
  }

  /** Everyone is told, some ten times, of everyone: what is not new costs by the square of the members. */
  #intervalMs(): Millis {
    const crowd = Math.max(1, mulDiv(this.#entries.size, this.#entries.size, refreshedMembers ** 2))
    const intervalMs = this.#config.availabilityIntervalMs * crowd
    return intervalMs > refreshIntervalMaxMs ? Number.POSITIVE_INFINITY : intervalMs
  }

  #toldTo(peer: MemberId): Told {
    let told = this.#told.get(peer)
    if (told === undefined) {
      told = { low: 0, gap: 0, high: 0 }
      this.#told.set(peer, told)
    }
    return told
  }

  /** Walks back over what was not told, and returns the change down to which all has been told now. */
  #collect(peer: MemberId, { low, gap, high }: Told, entries: Availability[]): number {
    let i = this.#log.length - 1
    while (i >= 0) {
      const { number, member, from, heardAt } = this.#log[i]!
      if (number <= low) break
      if (number <= high && number > gap) {
        i = lastUpTo(this.#log, gap)
        continue
      }
      const allHeard = heardAt !== undefined && heardAt >= this.#hearingSince
      const isKnown = allHeard || from === peer || member === peer
      if (!isKnown && this.#newest.get(member) === number) {
        if (entries.length === limits.availabilityPerExchange) return number
        entries.push(this.#entries.get(member)!)
      }
      i--
    }
    return low
  }
}

/** Shared by all that have nothing to tell. */
const none: readonly Availability[] = []

/** Index of the last change of the log with a number of at most `number`; -1 for none. */
function lastUpTo(log: readonly Change[], number: number): number {
  let low = 0
  let high = log.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (log[middle]!.number <= number) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** Whether candidates would be chosen differently: any change of what is admitted, a large one of what is used. */
function isMaterial(held: Availability, entry: Availability): boolean {
  if (held === entry) return false
  return dimensions.some((name) => {
    const step = Math.max(1, Math.floor(entry.capacity[name] / usedSteps))
    return (
      held.capacity[name] !== entry.capacity[name] ||
      held.committed[name] !== entry.committed[name] ||
      Math.abs(held.used[name] - entry.used[name]) >= step
    )
  })
}

function isPlausible(entry: Availability, counterMax: number): boolean {
  const { counter, capacity, committed, used } = entry
  if (counter < 0 || counter > counterMax) return false
  return isNatural(capacity) && isNatural(committed) && isNatural(used)
}

function isNatural(amounts: Resources): boolean {
  for (const name of dimensions) if (!(amounts[name] >= 0)) return false
  return true
}
