/**
 * What placement needs of the rest of the core: the membership as it is seen now, the replicated state, and
 * a pen for the records that this member owns. An interface, so that placement imports no sibling.
 */
import type { EffectId, MemberId, Millis, Stamp } from '../base/id.ts'
import type { Value } from '../base/value.ts'
import type { MemberState, PresenceChange } from '../membership/member.ts'

/** A record as placement reads it: the newest of its key, a tombstone where `body` is null. */
export interface Written {
  readonly author: MemberId
  readonly counter: number
  readonly stamp: Stamp
  /** The write that its author saw; null where there was none. */
  readonly replaces?: { readonly author: MemberId; readonly counter: number } | null
  readonly body: Value
}

export interface World {
  readonly self: MemberId
  /** Alive and suspect members, self included, sorted; the same array until it changes. */
  present(): readonly MemberId[]
  presentCount(): number
  /** Since the last call; at the first, all that are present came. */
  takeMoves(): PresenceChange
  stateOf(member: MemberId): MemberState | undefined
  /** Of the life that is known last; undefined for one that is not known. */
  incarnationOf(member: MemberId): number | undefined
  read(key: string): Written | undefined
  /** All versions of a shared key that are kept, the newest among them. */
  versions?(key: string): Iterable<Written>
  /** Keys with the prefix that have a value, sorted. */
  keys(prefix: string): Iterable<string>
  /**
   * Writes or (null) deletes a key that this member owns; visible at once, durable with this step. Others need
   * not hear at once of a step on the way.
   */
  write(key: string, body: Value, isOnTheWay?: boolean): void
  nextEffectId(): EffectId
  /** A fresh stamp of the hybrid logical clock. */
  stamp(now: Millis): Stamp
  /** False while the disk refuses writes: nothing new is admitted. */
  canPersist(): boolean
}
