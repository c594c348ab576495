/**
 * A snapshot: all that one member knows of its cluster at one moment, as a file that is read elsewhere. The nodes
 * with their states and every record as it is held are enough to make the same members again: the same ids, so the
 * same placement rings, and the same versions of every job. What else is in the file is for people and scripts.
 *
 * Signatures are left out: whoever makes members of a snapshot signs for them. So is what only lives in a member's
 * memory: requests under way, who has lately declined what, how far a suspicion is.
 */
import { canonicalLength } from './base/bytes.ts'
import { epochOf, type MemberId } from './base/id.ts'
import {
  anything,
  check,
  type Infer,
  integer,
  join,
  list,
  literal,
  nullable,
  object,
  refine,
  type Schema,
  text,
  withDefault,
} from './base/schema.ts'
import type { Value } from './base/value.ts'
import { type Config, defaultConfig } from './config.ts'
import { limits } from './limits.ts'
import { bodySchemaOf } from './placement/parse.ts'
import type { ReplicaRecord } from './replication/record.ts'

/** Raised when a reader of the older one would misread it. */
export const snapshotFormat = 'starling-snapshot/2'

const open = { keepUnknown: true }
const moment = integer(0, Number.MAX_SAFE_INTEGER)
const memberId = text({ min: 1, max: limits.memberIdLength })
const dot = object({ author: memberId, counter: moment })

type Complain = (path: string, message: string) => void

const recordShape = object({
  key: text({ min: 1, max: limits.keyLength }),
  author: memberId,
  counter: moment,
  stamp: moment,
  replaces: nullable(dot),
  /** null is a tombstone. */
  body: anything(),
})

interface Body {
  key: string
  body?: unknown
}

function checkBody({ key, body }: Body, path: string, complain: Complain): void {
  if (body === null) return
  const at = join(path, 'body')
  if (canonicalLength(body as Value) > limits.recordBodyBytes) return complain(at, 'is too large')
  const schema = bodySchemaOf(key)
  const checked = schema === undefined ? undefined : check(schema, body)
  if (checked?.ok !== false) return
  for (const issue of checked.issues)
    complain(issue.path === '' ? at : join(at, issue.path), issue.message)
}

const snapshotRecordSchema = refine(recordShape, checkBody)

const snapshotNodeSchema = object(
  {
    id: memberId,
    state: literal('alive', 'suspect', 'down', 'left'),
    incarnation: integer(0, limits.incarnation),
  },
  open,
)

/** Knobs that the agent of that time did not have are as they are by default. */
const configSchema = object(
  Object.fromEntries(
    Object.entries(defaultConfig).map(([name, value]) => [name, withDefault(moment, value)]),
  ),
  open,
) as unknown as Schema<Config>

const snapshotFields = {
  format: literal(snapshotFormat),
  /** Unix milliseconds, by the clock of `self`. */
  at: moment,
  self: memberId,
  version: text({ max: 256 }),
  /** The replicated state's root hash. */
  digest: text({ max: 64 }),
  config: configSchema,
  nodes: list(snapshotNodeSchema, limits.members, 1),
  /** By key, then newest first. */
  records: list(snapshotRecordSchema, limits.records),
}

export const snapshotSchema = refine(object(snapshotFields, open), checkNodes)

interface Nodes {
  nodes: { id: string }[]
  self: string
}

function checkNodes({ nodes, self }: Nodes, _path: string, complain: Complain): void {
  const known = new Set(nodes.map(({ id }) => id))
  if (known.size < nodes.length) complain('nodes', 'must have different ids')
  if (!known.has(self)) complain('self', 'is not among the nodes')
}

export type Snapshot = Infer<typeof snapshotSchema>
export type SnapshotRecord = Snapshot['records'][number]

/** A record without what only its author can make. */
export function snapshotRecord(record: ReplicaRecord): SnapshotRecord {
  const { key, author, counter, stamp, replaces, body } = record
  return { key, author, counter, stamp, replaces, body }
}

/** How often each member has started, as far as its incarnation and the dots of its records tell. */
export function startsOf({ nodes, records }: Snapshot): Map<MemberId, number> {
  const starts = new Map(nodes.map(({ id, incarnation }) => [id, incarnation]))
  for (const { author, counter } of records) {
    const epoch = epochOf(counter)
    if (epoch > (starts.get(author) ?? 0)) starts.set(author, epoch)
  }
  return starts
}
