/**
 * From a record's body, which another member wrote, to a value that placement can trust in shape. A body that
 * is not well formed is as good as absent: it is never acted upon, and never an error. Fields that this
 * version does not know are kept, except inside a job, where an unknown wish cannot be honoured.
 *
 * Bodies are immutable and shared, so each is checked once however many members of a simulation read it.
 */
import {
  boolean,
  check,
  dictionary,
  integer,
  list,
  literal,
  nullable,
  object,
  optional,
  type Schema,
  text,
  withDefault,
} from '../base/schema.ts'
import type { Value } from '../base/value.ts'
import { limits } from '../limits.ts'
import type { AllocationBody } from './allocation.ts'
import { type JobBody, jobSchema, resourcesSchema } from './job.ts'
import type { NodeBody } from './node-body.ts'

const moment = integer(0, Number.MAX_SAFE_INTEGER)
const open = { keepUnknown: true }
const port = integer(0, 65_535)
const reason = nullable(text({ max: 4096 }))

const taskStatusSchema = object(
  {
    name: text({ max: 63 }),
    state: literal('pending', 'starting', 'running', 'backing-off', 'exited'),
    restarts: integer(0, Number.MAX_SAFE_INTEGER),
    startedAt: nullable(moment),
    pid: nullable(integer(0, Number.MAX_SAFE_INTEGER)),
    containerId: nullable(text({ max: 256 })),
    exitCode: nullable(integer(-2_147_483_648, 4_294_967_295)),
    reason,
  },
  open,
)

const allocationSchema: Schema<AllocationBody> = object(
  {
    id: text({ min: 1, max: limits.allocationIdLength }),
    job: text({ min: 1, max: limits.jobIdLength }),
    slot: integer(0, limits.slotsPerJob - 1),
    version: text({ max: 32 }),
    essence: withDefault(text({ max: 32 }), ''),
    state: literal('pending', 'starting', 'running', 'stopping', 'complete', 'failed'),
    healthy: boolean(),
    resources: resourcesSchema,
    ports: dictionary(port, limits.portsPerTask * limits.tasksPerJob),
    tasks: list(taskStatusSchema, limits.tasksPerJob),
    createdStamp: moment,
    runningSince: nullable(moment),
    reason,
    failures: integer(0, Number.MAX_SAFE_INTEGER),
  },
  open,
)

const nodeSchema: Schema<NodeBody> = object(
  {
    name: text({ max: 256 }),
    addresses: list(text({ max: 1024 }), 64),
    labels: dictionary(text({ max: 1024 }), 1024),
    capacity: resourcesSchema,
    runtimes: list(literal('process', 'docker'), 8),
    troubles: optional(list(text({ max: 4096 }), 8)),
    host: text({ max: 256 }),
    version: text({ max: 256 }),
    awayUntil: nullable(moment),
  },
  open,
)

const jobBodySchema: Schema<JobBody> = object(
  { generation: moment, born: withDefault(moment, 0), spec: jobSchema },
  open,
)
const countSchema = object({ count: integer(0, limits.slotsPerJob) }, open)
const drainSchema = object({ draining: boolean() }, open)

/** What a body under the key has to be; undefined for a kind of record that this version does not know. */
export function bodySchemaOf(key: string): Schema<unknown> | undefined {
  const [kind, , rest] = key.split('/')
  if (kind === 'job') return rest === 'count' ? countSchema : jobBodySchema
  if (kind === 'alloc') return allocationSchema
  if (kind === 'node') return nodeSchema
  return kind === 'drain' ? drainSchema : undefined
}

function reader<T>(schema: Schema<T>): (body: Value) => T | undefined {
  const read = new WeakMap<object, { value: T | undefined }>()
  return (body) => {
    if (typeof body !== 'object' || body === null) return undefined
    const held = read.get(body)
    if (held !== undefined) return held.value
    const result = check(schema, body)
    const value = result.ok ? result.value : undefined
    read.set(body, { value })
    return value
  }
}

export const parseJobBody = reader(jobBodySchema)
export const parseCount = reader(countSchema)
export const parseNode = reader(nodeSchema)
export const parseDrain = reader(drainSchema)
export const parseAllocation = reader(allocationSchema)
