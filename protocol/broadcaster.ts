/**
 * What goes by gossip: urgent membership updates, batches of new records, and what the author has free where they
 * change it, in one signed message. Others relay it, so its author signs the whole: to verify one signature of a batch
 * costs 0.1 ms, to verify that of each of its records as much each. Records carry signatures of their own for when
 * they are passed on alone, and a single one in a broadcast of nothing else makes do with that.
 */

import { type MemberId, numbersPerEpoch } from './base/id.ts'
import type { Seal } from './base/seal.ts'
import { signedBytesOfBroadcast } from './codec.ts'
import type { EffectSink } from './effect.ts'
import { limits } from './limits.ts'
import type { MemberUpdate } from './membership/member.ts'
import type { Broadcast, Rejection } from './message.ts'
import type { Availability } from './placement/availability.ts'
import type { ReplicaRecord } from './replication/record.ts'

const unsigned = new Uint8Array(0)

/** What a broadcast is good for. */
export interface Opened {
  /** Those that may be applied. */
  readonly updates: readonly MemberUpdate[]
  /** Its author has signed the records with it, so its own need no further look. */
  readonly vouchesForRecords: boolean
  /** Its author's own. */
  readonly availability?: Availability | undefined
}

const nothing: Opened = { updates: [], vouchesForRecords: false }

export class Broadcaster {
  readonly #self: MemberId
  readonly #seal: Seal
  #sequence: number

  constructor(init: { self: MemberId; epoch: number; seal: Seal }) {
    this.#self = init.self
    this.#seal = init.seal
    this.#sequence = init.epoch * numbersPerEpoch
  }

  publish(
    updates: readonly MemberUpdate[],
    records: readonly ReplicaRecord[],
    availability: Availability | undefined,
    out: EffectSink,
  ): void {
    for (let i = 0; i === 0 || i < updates.length; i += limits.updatesPerExchange) {
      this.#sequence += 1
      const part: Broadcast = {
        author: this.#self,
        sequence: this.#sequence,
        updates: updates.slice(i, i + limits.updatesPerExchange),
        records: i === 0 ? records : [],
        ...(i === 0 && availability && { availability }),
        signature: unsigned,
      }
      out.push({ type: 'publish', broadcast: this.#signed(part) })
    }
  }

  /** What may be believed, or why the whole broadcast is dropped. */
  open(broadcast: Broadcast): Opened | Rejection {
    const { author, sequence, updates, signature } = broadcast
    if (author === this.#self || !needsSignature(broadcast)) return nothing
    if (!this.#seal.verify(author, signedBytesOfBroadcast(broadcast), signature))
      return { from: author, reason: 'wrong-signature', detail: `broadcast ${sequence}` }
    const own = broadcast.availability
    if (own !== undefined && own.member !== author)
      return { from: author, reason: 'not-the-owner', detail: 'availability' }
    return { updates, vouchesForRecords: true, availability: own }
  }

  #signed(broadcast: Broadcast): Broadcast {
    if (!needsSignature(broadcast)) return broadcast
    return { ...broadcast, signature: this.#seal.sign(signedBytesOfBroadcast(broadcast)) }
  }
}

function needsSignature({ updates, records, availability }: Broadcast): boolean {
  return updates.length > 0 || records.length > 1 || availability !== undefined
}

export function isRejection(opened: Opened | Rejection): opened is Rejection {
  return 'reason' in opened
}
