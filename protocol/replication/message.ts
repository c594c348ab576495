/**
 * What replicas say to each other: copies of a write on request (`replicate`), and the comparison of two
 * replicas (`sync-…`), in which one side asks and the other answers without keeping any state, so whoever
 * asks sets the pace. Records in messages are checked by `recordSchema` before they get here.
 */
import { canonicalLength } from '../base/bytes.ts'
import {
  anything,
  boolean,
  bytes,
  type Infer,
  integer,
  list,
  literal,
  nullable,
  object,
  optional,
  refine,
  type Schema,
  text,
} from '../base/schema.ts'
import type { Value } from '../base/value.ts'
import { limits } from '../limits.ts'
import { pathDigitsMax } from './digest.ts'
import { hashBytes } from './hash-list.ts'
import { livedSchema } from './lived.ts'
import type { ReplicaRecord } from './record.ts'
import { recordSize } from './signature.ts'

const counter = integer(0, Number.MAX_SAFE_INTEGER)
const memberId = text({ min: 1, max: limits.memberIdLength })
const key = text({ min: 1, max: limits.keyLength })

/** Fields of a later version are kept: the signature covers them too. */
export const recordSchema: Schema<ReplicaRecord> = refine(
  object(
    {
      author: memberId,
      counter,
      key,
      stamp: counter,
      replaces: nullable(object({ author: memberId, counter })),
      body: anything() as Schema<Value>,
      signature: bytes(64),
    },
    { keepUnknown: true },
  ),
  (record, path, complain) => {
    if (recordSize(record) <= limits.recordBytes) return
    if (canonicalLength(record.body) > limits.recordBodyBytes)
      complain(path, `must have a body of at most ${limits.recordBodyBytes} bytes`)
    else complain(path, `must have at most ${limits.recordBytes} bytes`)
  },
)

const records = optional(list(anything() as Schema<ReplicaRecord>, limits.recordsPerMessage))
const root = bytes(hashBytes)

/** Parallel lists: what is said of each path of the Merkle tree. */
const nodes = refine(
  object({
    paths: list(text({ max: pathDigitsMax, pattern: /^[0-9a-f]*$/ }), limits.syncPaths),
    hashes: list(bytes(limits.syncListed * hashBytes), limits.syncPaths),
  }),
  (value, path, complain) => {
    if (value.paths.length !== value.hashes.length) complain(path, 'must have a hash for each path')
  },
)

/** Keep these safely and say so. */
export const replicateSchema = object({ type: literal('replicate'), id: counter, records })

/** All records of the `replicate` with this id are durable here. */
export const replicatedSchema = object({ type: literal('replicated'), id: counter })

/** Who the sender is: its own node's record, the first thing on a new link, so that it has a name at once. */
export const introduceSchema = object({
  type: literal('introduce'),
  /** The sender knows of nobody else yet: the receiver makes the record known to all. */
  isNew: boolean(),
  records: list(anything() as Schema<ReplicaRecord>, 1),
})

/** Told when a link opens; answered with our own unless it is the answer. */
export const syncRootSchema = object({
  type: literal('sync-root'),
  root,
  answer: boolean(),
  lived: optional(livedSchema),
  /** Said for the sake of `lived`, which has changed: no reason to compare. */
  retold: optional(boolean()),
})

export const syncAskSchema = object({
  type: literal('sync-ask'),
  id: counter,
  /** The asker's root as it asks. */
  root,
  lived: optional(livedSchema),
  /** Entries that the asker learned since the two last agreed. */
  recent: optional(nodes),
  /** Hashes of the children of each path: what is below those that differ? */
  branches: optional(nodes),
  /** Send the entries with these hashes below the path; all of them where none is named. */
  wanted: optional(nodes),
  /** Where in the first wanted path to go on. */
  after: optional(object({ key, version: integer(0, limits.versionsPerKey) })),
  /** What the asker found to be missing at the other. */
  records,
})

export const syncAnswerSchema = object({
  type: literal('sync-answer'),
  id: counter,
  /** The answerer's root once it has joined the records of the question. */
  root,
  lived: optional(livedSchema),
  /** Too many compare with it already: ask again later. Nothing else is said. */
  busy: optional(boolean()),
  /** Large nodes that differ: the hashes of their children; none where the asker has nothing at all. */
  branches: optional(nodes),
  /** Small nodes that differ: the hashes of all their entries. */
  buckets: optional(nodes),
  /** Of the asker's recent entries, those that the answerer lacks. */
  wanted: optional(nodes),
  records,
  /** The first wanted entry that did not fit. */
  next: optional(
    object({
      index: integer(0, limits.syncPaths),
      key,
      version: integer(0, limits.versionsPerKey),
    }),
  ),
})

export const replicationMessages = {
  replicate: replicateSchema,
  replicated: replicatedSchema,
  introduce: introduceSchema,
  'sync-root': syncRootSchema,
  'sync-ask': syncAskSchema,
  'sync-answer': syncAnswerSchema,
}

export type Nodes = Infer<typeof nodes>
export type Replicate = Infer<typeof replicateSchema>
export type Replicated = Infer<typeof replicatedSchema>
export type Introduce = Infer<typeof introduceSchema>
export type SyncRoot = Infer<typeof syncRootSchema>
export type SyncAsk = Infer<typeof syncAskSchema>
export type SyncAnswer = Infer<typeof syncAnswerSchema>
export type ReplicationMessage =
  | Replicate
  | Replicated
  | Introduce
  | SyncRoot
  | SyncAsk
  | SyncAnswer
