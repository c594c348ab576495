/**
 * Why a record that is new to us is not believed. What is wrong on its face is seen before its signature is
 * checked, which costs a hundred times as much.
 */
import type { MemberId, Millis } from '../base/id.ts'
import type { Seal } from '../base/seal.ts'
import { limits } from '../limits.ts'
import type { RejectionReason } from '../message.ts'
import { isTooFarAhead } from './clock.ts'
import { ownerOf, type ReplicaRecord } from './record.ts'
import { isSignedByAuthor } from './signature.ts'

export interface Receiver {
  readonly seal: Seal
  readonly now: Millis
  readonly maxClockDriftMs: Millis
  /** Records that it holds already. */
  readonly records: number
  /** Who says it and has proven to be who it is: it need not prove again that it wrote its own records. */
  readonly voucher: MemberId | null
}

export function refusalOf(record: ReplicaRecord, receiver: Receiver): RejectionReason | undefined {
  const { seal, now, maxClockDriftMs, records, voucher } = receiver
  const owner = ownerOf(record.key)
  if (owner !== undefined && owner !== record.author) return 'not-the-owner'
  if (isTooFarAhead(record.stamp, now, maxClockDriftMs)) return 'stamp-too-far-ahead'
  if (records >= limits.records) return 'limit-reached'
  if (record.author === voucher) return undefined
  return isSignedByAuthor(record, seal) ? undefined : 'wrong-signature'
}
