/**
 * How records become part of what is held: looked for first, then checked, then joined, kept on disk and noted
 * as news. And how they cease to be: pushed out by newer ones, forgotten in time, or given up.
 */
import type { MemberId, Millis, Stamp } from '../base/id.ts'
import { compareText } from '../base/id.ts'
import type { Seal } from '../base/seal.ts'
import type { Config } from '../config.ts'
import type { StoreWrite } from '../effect.ts'
import type { Rejection } from '../message.ts'
import { stampAt } from './clock.ts'
import type { DeltaLog } from './delta-log.ts'
import { type Journal, journaledRecords } from './journal.ts'
import type { Pen } from './pen.ts'
import { dotName, ownerOf, type ReplicaRecord } from './record.ts'
import { isExpired, nothingExpired, type RecordMap } from './record-map.ts'
import { refusalOf } from './refusal.ts'
import type { Tombstones } from './tombstones.ts'

export interface IntakeInit {
  readonly self: MemberId
  readonly config: Config
  readonly seal: Seal
  readonly map: RecordMap
  readonly pen: Pen
  readonly log: DeltaLog
  readonly journal: Journal
  readonly tombstones: Tombstones
  /**
   * Writes of others up to this time that the member hands over may be of what we have deleted and forgotten;
   * undefined where it has missed nothing.
   */
  readonly suspectBefore: (from: MemberId, now: Millis) => Millis | undefined
}

export interface TakenIn {
  /** What was new. */
  readonly joined: readonly ReplicaRecord[]
  /** Deletions that count no more, and that the sender has not heard of. */
  readonly refuted: readonly ReplicaRecord[]
  /** Everything that was sent is held now, or superseded. */
  readonly isComplete: boolean
}

export class Intake {
  readonly #init: IntakeInit
  #changed = new Set<string>()
  #rejections: Rejection[] = []

  constructor(init: IntakeInit) {
    this.#init = init
  }

  replay(entries: Iterable<StoreWrite>): void {
    const { map, pen, journal, tombstones } = this.#init
    for (const record of journaledRecords(entries)) {
      pen.observe(record)
      // Tombstones expire by the clock, which nobody has told us yet.
      if (map.covers(record, nothingExpired)) {
        journal.drop(record)
        continue
      }
      for (const each of map.join(record, nothingExpired).dropped) journal.drop(each)
      tombstones.watch(map.get(record.key)!, undefined)
    }
  }

  /** The record is believed: it becomes part of the state. */
  apply(record: ReplicaRecord, now: Millis): void {
    const { map, pen, log, journal, tombstones } = this.#init
    pen.observe(record)
    const { valueChanged, dropped } = map.join(record, tombstones.expired(now))
    for (const each of dropped) journal.drop(each)
    tombstones.watch(map.get(record.key)!, now)
    log.add(record.key)
    if (valueChanged) this.#changed.add(record.key)
  }

  /** The voucher, if there is one, has proven to be who it says it is. */
  take(
    from: MemberId,
    records: readonly ReplicaRecord[],
    now: Millis,
    voucher: MemberId | null = null,
  ): TakenIn {
    const { map, journal, tombstones } = this.#init
    const expired = tombstones.expired(now)
    const suspect = this.#init.suspectBefore(from, now)
    const joined: ReplicaRecord[] = []
    const refuted: ReplicaRecord[] = []
    let isComplete = true
    for (const record of records) {
      if (map.covers(record, expired)) {
        refuted.push(...this.#refutationOf(record, expired))
        continue
      }
      const isBelieved =
        !this.#isSuspect(from, record, suspect) && this.#isBelieved(from, record, voucher, now)
      isComplete &&= isBelieved
      if (!isBelieved) continue
      this.apply(record, now)
      journal.keep(record)
      joined.push(record)
    }
    return { joined, refuted, isComplete }
  }

  /** Gives up what others have written up to that time. */
  giveUp(before: Millis, now: Millis): void {
    const { self, map, journal, tombstones } = this.#init
    const isSuch = (record: ReplicaRecord): boolean =>
      ownerOf(record.key) !== self && record.stamp <= stampAt(before)
    for (const record of map.forget(isSuch, tombstones.expired(now))) {
      journal.drop(record)
      tombstones.forget(record.key)
      this.#changed.add(record.key)
    }
  }

  /** Keys whose newest record has changed since the last call, sorted. Those of the journal do not count. */
  takeChanges(): string[] {
    if (this.#changed.size === 0) return []
    const changed = [...this.#changed].sort(compareText)
    this.#changed = new Set()
    return changed
  }

  takeRejections(): Rejection[] {
    const rejections = this.#rejections
    if (rejections.length > 0) this.#rejections = []
    return rejections
  }

  /** A write of something that was deleted: the deletion, if it is in no digest any more. */
  #refutationOf(record: ReplicaRecord, expired: Stamp): readonly ReplicaRecord[] {
    if (record.body === null) return []
    const newest = this.#init.map.get(record.key)?.versions[0]
    return newest !== undefined && isExpired(newest, expired) ? [newest] : []
  }

  #isSuspect(from: MemberId, record: ReplicaRecord, before: Millis | undefined): boolean {
    if (before === undefined || record.stamp > stampAt(before)) return false
    return ownerOf(record.key) !== from && this.#init.map.get(record.key) === undefined
  }

  #isBelieved(
    from: MemberId,
    record: ReplicaRecord,
    voucher: MemberId | null,
    now: Millis,
  ): boolean {
    const { seal, config, map } = this.#init
    const { maxClockDriftMs } = config
    const { records } = map.size()
    const reason = refusalOf(record, { seal, now, maxClockDriftMs, records, voucher })
    if (reason === undefined) return true
    this.#rejections.push({ from, reason, detail: `${record.key} ${dotName(record)}` })
    return false
  }
}
