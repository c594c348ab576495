/**
 * A job as its user writes it: the one definition, from which come the type, the check of a submission with
 * the path of each wrong field, and the API's JSON Schema. Durations are written `500ms`, `10s`, `5m`, `1h`.
 */

import type { Millis, Stamp } from '../base/id.ts'
import {
  boolean,
  dictionary,
  type Infer,
  integer,
  list,
  literal,
  object,
  optional,
  refine,
  type Schema,
  text,
  withDefault,
} from '../base/schema.ts'
import { limits } from '../limits.ts'
import { add, noResources, type Resources } from './resources.ts'

const namePattern = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/
const nameHint =
  'must be lower-case letters, digits, dots and dashes, and start and end with a letter or digit'
export const jobIdSchema = text({
  min: 1,
  max: limits.jobIdLength,
  pattern: namePattern,
  hint: nameHint,
})
const shortName = text({ min: 1, max: 63, pattern: namePattern, hint: nameHint })

const durationPattern = /^([0-9]{1,9})(ms|s|m|h)$/
const durationUnitMs: { [unit: string]: number } = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Milliseconds of a duration that has been checked. */
export function durationMs(duration: string): Millis {
  const [, amount, unit] = durationPattern.exec(duration) ?? []
  return Number(amount ?? 0) * (durationUnitMs[unit ?? 'ms'] ?? 1)
}

const duration: Schema<string> = text({
  max: 11,
  pattern: durationPattern,
  hint: 'must be a duration such as 500ms, 10s, 5m or 1h',
})

const argument = text({ max: 16_384 })
const environment = dictionary(text({ max: 16_384 }), 256, /^[A-Za-z_][A-Za-z0-9_]*$/)

export const resourcesSchema = object({
  cpu: withDefault(integer(0, 1_000_000), 100),
  memory: withDefault(integer(0, 16_777_216), 64),
  disk: withDefault(integer(0, 1_073_741_824), 0),
  gpu: withDefault(integer(0, 1024), 0),
})

const portSchema = object({
  name: shortName,
  /** A fixed host port; left out, a free one is found. */
  host: optional(integer(1, 65_535)),
  /** The port inside a container that is published at the host port. */
  container: optional(integer(1, 65_535)),
})

const checkSchema = refine(
  object({
    type: literal('http', 'tcp', 'command'),
    /** The task's port that http and tcp checks connect to. */
    port: optional(shortName),
    path: withDefault(text({ min: 1, max: 2048 }), '/'),
    /** Run in the task's surroundings; healthy when it exits with 0. */
    command: optional(list(argument, 64, 1)),
    interval: withDefault(duration, '5s'),
    timeout: withDefault(duration, '2s'),
    /** Failures before the first success do not count during this time. */
    grace: withDefault(duration, '30s'),
    /** Consecutive failures after which the task is restarted. */
    failures: withDefault(integer(1, 100), 3),
  }),
  (value, path, complain) => {
    if (value.type === 'command' && !value.command) complain(`${path}.command`, 'is required')
    if (value.type !== 'command' && !value.port) complain(`${path}.port`, 'is required')
    if (durationMs(value.interval) < 100) complain(`${path}.interval`, 'must be at least 100ms')
  },
)

const mountSchema = object({
  source: text({ min: 1, max: 4096 }),
  target: text({ min: 1, max: 4096, pattern: /^\//, hint: 'must be an absolute path' }),
  readOnly: withDefault(boolean(), false),
})

const taskSchema = refine(
  object({
    name: shortName,
    process: optional(
      object({
        command: list(argument, 256, 1),
        /** Working directory; left out, the task's own folder. */
        directory: optional(text({ min: 1, max: 4096 })),
        user: optional(text({ min: 1, max: 64 })),
      }),
    ),
    docker: optional(
      object({
        image: text({ min: 1, max: 512 }),
        args: withDefault(list(argument, 256), []),
        entrypoint: optional(list(argument, 64)),
        /** Working directory; left out, the image's own. */
        directory: optional(
          text({ min: 1, max: 4096, pattern: /^\//, hint: 'must be an absolute path' }),
        ),
        network: withDefault(literal('bridge', 'host', 'none'), 'bridge'),
        user: optional(text({ min: 1, max: 64 })),
        mounts: withDefault(list(mountSchema, 32), []),
        readOnly: withDefault(boolean(), false),
        pull: withDefault(literal('missing', 'always', 'never'), 'missing'),
      }),
    ),
    env: withDefault(environment, {}),
    resources: withDefault(resourcesSchema, { cpu: 100, memory: 64, disk: 0, gpu: 0 }),
    ports: withDefault(list(portSchema, limits.portsPerTask), []),
    checks: withDefault(list(checkSchema, 8), []),
    /** The stop signal, then SIGKILL this much later. */
    stopGrace: withDefault(duration, '10s'),
    /** Left out, SIGTERM, or what the image asks for. */
    stopSignal: optional(literal('SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2')),
  }),
  (value, path, complain) => {
    if ((value.process === undefined) === (value.docker === undefined))
      complain(path, 'must have exactly one of process and docker')
    const ports = new Set(value.ports.map((port) => port.name))
    if (ports.size < value.ports.length) complain(`${path}.ports`, 'must have different names')
    value.checks.forEach((each, i) => {
      if (each.port !== undefined && !ports.has(each.port))
        complain(`${path}.checks[${i}].port`, `names no port of this task`)
    })
  },
)

const constraintSchema = refine(
  object({
    /** `node.name`, `node.id`, `label.<key>`, or just a label's key. */
    attribute: text({ min: 1, max: 128 }),
    operator: literal('=', '!=', 'like', 'unlike', 'unique', 'cluster', 'group-by', 'max-per'),
    value: optional(text({ max: 256 })),
  }),
  (value, path, complain) => {
    const needsValue =
      value.operator !== 'unique' && value.operator !== 'cluster' && value.operator !== 'group-by'
    if (needsValue && value.value === undefined) complain(`${path}.value`, 'is required')
    if (value.operator === 'max-per' && !/^[1-9][0-9]{0,5}$/.test(value.value ?? ''))
      complain(`${path}.value`, 'must be a number of at least 1')
    if (
      (value.operator === 'like' || value.operator === 'unlike') &&
      !isSafePattern(value.value ?? '')
    )
      complain(`${path}.value`, 'must be a pattern of literals, *, ? and |')
  },
)

/** `like` takes globs with alternatives, not regular expressions: those can run for hours. */
export function isSafePattern(pattern: string): boolean {
  return pattern.length <= 256 && /^[\w./:@ *?|-]*$/.test(pattern)
}

const serviceSchema = object({
  name: text({
    min: 1,
    max: 63,
    pattern: /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
    hint: 'must be a DNS label',
  }),
  /** The name of a port of one of the tasks. */
  port: shortName,
  tags: withDefault(list(text({ min: 1, max: 63 }), 16), []),
})

export const jobSchema = refine(
  object({
    id: jobIdSchema,
    type: withDefault(literal('service', 'batch', 'system'), 'service'),
    count: withDefault(integer(0, limits.slotsPerJob), 1),
    /** 0…100; higher first when slots wait. */
    priority: withDefault(integer(0, 100), 50),
    labels: withDefault(dictionary(text({ max: 256 }), 64), {}),
    tasks: list(taskSchema, limits.tasksPerJob, 1),
    services: withDefault(list(serviceSchema, 32), []),
    constraints: withDefault(list(constraintSchema, 32), []),
    /** Attributes over whose values the slots are spread evenly, as far as they fit. */
    spread: withDefault(list(object({ attribute: text({ min: 1, max: 128 }) }), 4), []),
    affinities: withDefault(
      list(
        object({
          attribute: text({ min: 1, max: 128 }),
          value: text({ max: 256 }),
          weight: withDefault(integer(-100, 100), 50),
        }),
        16,
      ),
      [],
    ),
    restart: withDefault(
      object({
        /** In-place restarts within `window`; after that the allocation has failed and is placed elsewhere. */
        attempts: withDefault(integer(0, 1000), 3),
        window: withDefault(duration, '5m'),
        /** First delay; doubled each time up to `delayMax`. */
        delay: withDefault(duration, '1s'),
        delayMax: withDefault(duration, '1m'),
      }),
      { attempts: 3, window: '5m', delay: '1s', delayMax: '1m' },
    ),
    update: withDefault(
      object({
        /** Slots replaced at the same time. */
        parallel: withDefault(integer(1, 1000), 1),
        order: withDefault(literal('start-first', 'stop-first'), 'start-first'),
        /** A new allocation that is not healthy by then has failed, and the roll-out stops. */
        healthyDeadline: withDefault(duration, '5m'),
      }),
      { parallel: 1, order: 'start-first', healthyDeadline: '5m' },
    ),
    /** Which of two live allocations of one slot stays, when a partition has healed. */
    onHeal: withDefault(
      literal('keep-original', 'keep-replacement', 'longest-running', 'best-score'),
      'keep-original',
    ),
    /** Slots of a node that is down are replaced only after this. */
    lostAfter: withDefault(duration, '0s'),
  }),
  (job, path, complain) => {
    const names = new Set(job.tasks.map((task) => task.name))
    if (names.size < job.tasks.length) complain(prefix(path, 'tasks'), 'must have different names')
    const ports = job.tasks.flatMap((task) => task.ports.map((port) => port.name))
    if (new Set(ports).size < ports.length)
      complain(prefix(path, 'tasks'), 'must not use a port name twice')
    job.services.forEach((service, i) => {
      if (!ports.includes(service.port))
        complain(prefix(path, `services[${i}].port`), 'names no port of the tasks')
    })
  },
)

function prefix(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

export type JobSpec = Infer<typeof jobSchema>
export type TaskSpec = JobSpec['tasks'][number]
export type CheckSpec = TaskSpec['checks'][number]
export type PortSpec = TaskSpec['ports'][number]
export type Constraint = JobSpec['constraints'][number]

/** The body of `job/<id>/spec`. `count` lives in its own record, so that a scale and an edit both count. */
export interface JobBody {
  /** The previous generation + 1; concurrent edits can share one, so the version has a fingerprint too. */
  generation: number
  /** When the job was first submitted, or again after it had been deleted: what ran before is not of it. */
  born: Stamp
  spec: JobSpec
}

/** What the tasks of one slot take together. */
export function slotResources(spec: JobSpec): Resources {
  return spec.tasks.reduce<Resources>((sum, task) => add(sum, task.resources), noResources)
}

/** The body of `job/<id>/count`. */
export const countSchema = object({ count: integer(0, limits.slotsPerJob) })
