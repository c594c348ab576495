/**
 * Canonical bytes ⇄ what members say. Encoding is DAG-CBOR: the same value gives the same bytes on every
 * member. Decoding is total: whatever arrives gives a checked value or the reason why not.
 */
import { decodeCanonical, encodeCanonical, hexOf } from './base/bytes.ts'
import { remembered } from './base/remembered.ts'
import {
  bytes,
  type Checked,
  check,
  integer,
  list,
  object,
  optional,
  type Schema,
  text,
} from './base/schema.ts'
import type { Value } from './base/value.ts'
import { limits } from './limits.ts'
import { membershipMessages, updateSchema } from './membership/message.ts'
import type { Broadcast, Exchange, Message, RejectionReason } from './message.ts'
import { availabilitySchema, placementMessages } from './placement/message.ts'
import { recordSchema, replicationMessages } from './replication/message.ts'
import type { ReplicaRecord } from './replication/record.ts'

export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: RejectionReason; readonly detail: string }

const counter = integer(0, Number.MAX_SAFE_INTEGER)

/** On the wire a root hash is its eight bytes: with its name 14 B in every exchange, which equal replicas cost. */
const rootSchema: Schema<string> = {
  json: { type: 'string', format: 'byte' },
  read: (value, path, issues) => hexOf(bytes(8).read(value, path, issues)),
}

const exchangeSchema: Schema<Exchange> = object({
  root: rootSchema,
  clock: counter,
  availability: list(availabilitySchema, limits.availabilityPerExchange),
})

const broadcastSchema: Schema<Broadcast> = object({
  author: text({ min: 1, max: limits.memberIdLength }),
  sequence: counter,
  updates: list(updateSchema, limits.updatesPerExchange),
  records: list(recordSchema as Schema<ReplicaRecord>, limits.recordsPerBroadcast),
  availability: optional(availabilitySchema),
  signature: bytes(64),
})

const schemas: { readonly [type: string]: Schema<unknown> } = {
  ...membershipMessages,
  ...replicationMessages,
  ...placementMessages,
}

/** Fields that a module passes on without knowing their shape. */
const carried: { readonly [field: string]: Schema<unknown> } = {
  exchange: exchangeSchema,
  records: list(recordSchema, limits.recordsPerBroadcast),
}

export function encodeMessage(message: Message): Uint8Array {
  const { exchange } = message as { readonly exchange?: Exchange }
  if (exchange === undefined) return encodeCanonical(message as unknown as Value)
  const wire = { ...message, exchange: { ...exchange, root: bytesOf(exchange.root) } }
  return encodeCanonical(wire as unknown as Value)
}

export function decodeMessage(encoded: Uint8Array): Decoded<Message> {
  if (encoded.length > limits.messageBytes) return tooLarge(encoded.length)
  const value = decodeCanonical(encoded)
  if (!isTagged(value)) return malformed('not a canonical value with a type')
  const schema = Object.hasOwn(schemas, value.type) ? schemas[value.type] : undefined
  if (schema === undefined)
    return { ok: false, reason: 'unknown-type', detail: value.type.slice(0, 64) }
  const read = check(schema, value) as Checked<{ [field: string]: unknown }>
  if (!read.ok) return malformed(describe(read.issues))
  for (const field of Object.keys(carried)) {
    if (read.value[field] === undefined) continue
    const inner = check(carried[field]!, read.value[field])
    if (!inner.ok) return malformed(`${field}.${describe(inner.issues)}`)
    read.value[field] = inner.value
  }
  return { ok: true, value: read.value as unknown as Message }
}

export function encodeBroadcast(broadcast: Broadcast): Uint8Array {
  return encodeCanonical(broadcast as unknown as Value)
}

export function decodeBroadcast(encoded: Uint8Array): Decoded<Broadcast> {
  if (encoded.length > limits.messageBytes) return tooLarge(encoded.length)
  const read = check(broadcastSchema, decodeCanonical(encoded))
  return read.ok ? read : malformed(describe(read.issues))
}

/** What the author of a broadcast signs. */
export const signedBytesOfBroadcast = remembered(
  ({ signature: _, ...signed }: Broadcast): Uint8Array =>
    encodeCanonical(signed as unknown as Value),
)

function bytesOf(hex: string): Uint8Array {
  const digits = (i: number): number => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => digits(i))
}

function isTagged(value: unknown): value is { type: string } {
  return typeof (value as { type?: unknown } | null | undefined)?.type === 'string'
}

function describe(issues: readonly { path: string; message: string }[]): string {
  return `${issues[0]?.path ?? ''} ${issues[0]?.message ?? ''}`.slice(0, 200)
}

function malformed(detail: string): Decoded<never> {
  return { ok: false, reason: 'malformed', detail }
}

function tooLarge(length: number): Decoded<never> {
  return { ok: false, reason: 'too-large', detail: `${length} bytes` }
}
