/**
 * What a record's author signs: the canonical bytes of all its fields but the signature, also of fields that
 * this version does not know. So a relayed record is as trustworthy as one from its author.
 *
 * Both functions remember what they computed for a record, which never changes: the size for as long as the
 * record lives, the bytes only for the last few, since they are as large as the record itself.
 */
import { canonicalLength, encodeCanonical } from '../base/bytes.ts'
import { hashText } from '../base/hash.ts'
import type { Seal } from '../base/seal.ts'
import type { Value } from '../base/value.ts'
import type { ReplicaRecord } from './record.ts'

const sizes = new WeakMap<ReplicaRecord, number>()

/** 1,024 × 0.5 KiB: the records under way, which many simulated members verify one after the other. */
const lastSigned = new Array<{ record: ReplicaRecord; bytes: Uint8Array } | undefined>(1024)

/** Bytes that the record takes in a message or in the journal. */
export function recordSize(record: ReplicaRecord): number {
  const known = sizes.get(record)
  if (known !== undefined) return known
  const size = canonicalLength(record as unknown as Value)
  sizes.set(record, size)
  return size
}

export function signedBytes(record: ReplicaRecord): Uint8Array {
  // By its key too: the counters of young authors are alike.
  const place = (hashText(record.key) + record.counter) % lastSigned.length
  const held = lastSigned[place]
  if (held?.record === record) return held.bytes
  const { signature: _, ...fields } = record
  const bytes = encodeCanonical(fields as unknown as Value)
  lastSigned[place] = { record, bytes }
  return bytes
}

const unsigned = new Uint8Array(0)

export function signRecord(fields: Omit<ReplicaRecord, 'signature'>, seal: Seal): ReplicaRecord {
  const bytes = signedBytes({ ...fields, signature: unsigned })
  return { ...fields, signature: seal.sign(bytes) }
}

export function isSignedByAuthor(record: ReplicaRecord, seal: Seal): boolean {
  return seal.verify(record.author, signedBytes(record), record.signature)
}
