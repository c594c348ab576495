/**
 * What members say to each other. Each module defines its own messages; here they are one union.
 * Direct messages come from an authenticated member; a broadcast is relayed by strangers to its author,
 * so it carries the author's signature.
 */
import type { MemberId, Stamp } from './base/id.ts'
import type { MemberUpdate } from './membership/member.ts'
import type { MembershipMessage } from './membership/message.ts'
import type { Availability } from './placement/availability.ts'
import type { PlacementMessage } from './placement/message.ts'
import type { ReplicationMessage } from './replication/message.ts'
import type { ReplicaRecord } from './replication/record.ts'

export type Message = MembershipMessage | ReplicationMessage | PlacementMessage

/** Rides on every probe and ack, so its cost does not grow with the cluster. */
export interface Exchange {
  /** The replica's root hash: 16 hexadecimal digits. */
  readonly root: string
  readonly clock: Stamp
  /** Entries that changed since the two last spoke, newest first. */
  readonly availability: readonly Availability[]
}

/** One gossip message: what is rare and urgent. */
export interface Broadcast {
  readonly author: MemberId
  /** incarnation × 2^32 + a count; (author, sequence) names the broadcast. */
  readonly sequence: number
  /** Joins, deaths and departures. */
  readonly updates: readonly MemberUpdate[]
  readonly records: readonly ReplicaRecord[]
  /** What its author has free, where that has changed with the records. */
  readonly availability?: Availability
  /** The author's, over the canonical bytes of all the other fields. */
  readonly signature: Uint8Array
}

/** Why something that a remote member sent was dropped; counted by reason, never answered. */
export interface Rejection {
  readonly from: MemberId
  readonly reason: RejectionReason
  readonly detail: string
}

export type RejectionReason =
  | 'malformed'
  | 'too-large'
  | 'wrong-signature'
  | 'not-the-owner'
  | 'stamp-too-far-ahead'
  | 'limit-reached'
  | 'unknown-type'
