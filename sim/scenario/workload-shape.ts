/**
 * What users do in a scenario. Jobs of a fixed number at once (`jobs`), or arriving over time (`arrivals`), or acts
 * upon jobs that are there (`scale`, `edit`, `delete`). Sizes and lifetimes are drawn from the seed; a trace of
 * a real cluster takes the place of all this with `--trace`.
 */
import {
  type Infer,
  integer,
  list,
  literal,
  object,
  optional,
  refine,
  text,
  union,
  withDefault,
} from '../../protocol/base/schema.ts'
import { scenarioLimits as limits } from '../limits.ts'
import { counts, duration, durationRange, share } from './quantity.ts'

/** Even: each as likely. Heavy: most near the least, a few near the most (a bounded Pareto, shape 1). */
const spreadKind = withDefault(literal('even', 'heavy'), 'even')

/** What one slot asks for, and how many there are. */
const sizeFields = {
  type: withDefault(literal('service', 'batch'), 'service'),
  count: withDefault(counts(0, 10_000), '1..6'),
  cpu: withDefault(counts(1, 1_000_000), '50..400'),
  memory: withDefault(counts(1, 16_777_216), '32..512'),
  sizes: spreadKind,
  /** Shares of jobs that ask for a port, and for one health check. */
  ports: withDefault(share, '50%'),
  constraints: withDefault(
    list(object({ attribute: text({ min: 1, max: 128 }), value: text({ max: 256 }) }), 4),
    [],
  ),
  /** A service is deleted, and a batch task ends, after that; left out, it runs on. */
  runs: optional(durationRange),
  lifetimes: spreadKind,
}

const jobsSchema = object({
  load: literal('jobs'),
  at: withDefault(duration, '0s'),
  /** Submitted evenly over this. */
  within: withDefault(duration, '1s'),
  /** So many, or as many as ask for this share of the cluster's CPU or memory, whichever is reached first. */
  jobs: optional(integer(1, limits.jobs)),
  fill: optional(share),
  ...sizeFields,
})

const arrivalsSchema = object({
  load: literal('arrivals'),
  at: withDefault(duration, '0s'),
  until: optional(duration),
  /** Poisson: intervals are exponential with this mean. */
  mean: duration,
  /** Diurnal: the rate rises and falls between `low` of it and all of it once a `period`. */
  period: optional(duration),
  low: withDefault(share, '20%'),
  /** How often each act is drawn; all but submit take a job that is there. */
  acts: withDefault(
    object({
      submit: withDefault(integer(0, 100), 4),
      scale: withDefault(integer(0, 100), 3),
      edit: withDefault(integer(0, 100), 2),
      delete: withDefault(integer(0, 100), 1),
    }),
    { submit: 1, scale: 0, edit: 0, delete: 0 },
  ),
  ...sizeFields,
})

const actSchema = object({
  load: literal('scale', 'edit', 'delete'),
  at: duration,
  within: withDefault(duration, '1s'),
  /** Of the jobs that are there. */
  share: withDefault(share, '100%'),
  /** For `scale`: the count times this. */
  times: optional(integer(1, 1000)),
})

export const workloadSchema = refine(
  union('load', {
    jobs: jobsSchema,
    arrivals: arrivalsSchema,
    scale: actSchema,
    edit: actSchema,
    delete: actSchema,
  }),
  (entry, path, complain) => {
    if (entry.load === 'jobs' && (entry.jobs === undefined) === (entry.fill === undefined))
      complain(path, 'must have exactly one of jobs and fill')
    if (entry.load === 'scale' && entry.times === undefined)
      complain(`${path}.times`, 'is required')
  },
)

export type WorkloadShape = Infer<typeof workloadSchema>
export type JobsShape = Infer<typeof jobsSchema>
export type ArrivalsShape = Infer<typeof arrivalsSchema>
export type ActShape = Infer<typeof actSchema>
