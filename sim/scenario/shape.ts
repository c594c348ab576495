/**
 * A scenario as data: who is there, how they are linked, what users do, what breaks, and what is expected of it
 * all. The one definition, from which come the type, the check of a file with the line of each wrong field,
 * and what the fuzzer draws, shrinks and writes down. Texts such as `5ms` and `30%` are read by quantity.ts.
 *
 * The seed is not part of it: the same scenario is run with many.
 */
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
} from '../../protocol/base/schema.ts'
import { scenarioLimits as limits } from '../limits.ts'
import { faultSchema } from './fault-shape.ts'
import { bandwidth, duration, durationRange, share } from './quantity.ts'
import { workloadSchema } from './workload-shape.ts'

const namePattern = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/
const name = text({
  min: 1,
  max: 40,
  pattern: namePattern,
  hint: 'must be lower-case letters, digits and dashes',
})

/** Machines of one size; a member is of a class in proportion to the weights. */
const classSchema = object({
  name,
  weight: withDefault(integer(1, 1000), 1),
  /** Millicores, MiB, MiB, whole GPUs: as in a job. */
  cpu: withDefault(integer(1, 1_000_000), 4000),
  memory: withDefault(integer(1, 16_777_216), 8192),
  disk: withDefault(integer(0, 1_073_741_824), 100_000),
  gpu: withDefault(integer(0, 1024), 0),
  labels: withDefault(dictionary(text({ max: 64 }), 16), {}),
})

/** Racks are `<region>/1`, `<region>/2` …: so many, or as many as it takes at `rackSize` members each. */
const regionSchema = refine(
  object({
    name,
    weight: withDefault(integer(1, 1000), 1),
    racks: optional(integer(1, limits.racksPerRegion)),
    rackSize: optional(integer(1, 10_000)),
  }),
  (region, path, complain) => {
    if (region.racks !== undefined && region.rackSize !== undefined)
      complain(`${path}.rackSize`, 'cannot be given together with racks')
  },
)

/** The machine where nobody has said which. */
export const usualClass = {
  name: 'usual',
  weight: 1,
  cpu: 4000,
  memory: 8192,
  disk: 100_000,
  gpu: 0,
  labels: {},
}
const membersSchema = refine(
  object({
    /** `--members` replaces it. */
    count: integer(1, limits.members),
    classes: withDefault(list(classSchema, limits.classes, 1), [usualClass]),
    regions: withDefault(list(regionSchema, limits.regions, 1), [{ name: 'one', weight: 1 }]),
  }),
  ({ classes, regions }, path, complain) => {
    for (const [field, items] of Object.entries({ classes, regions })) {
      const names = items.map((each) => each.name)
      names.forEach((each, i) => {
        if (names.indexOf(each) < i)
          complain(`${path}.${field}[${i}].name`, `${each} is there already`)
      })
    }
  },
)

/** One way between two members. Jitter comes on top of the latency, drawn anew for each message. */
const linkSchema = object({
  latency: durationRange,
  jitter: withDefault(duration, '0s'),
  /** Of one member's port; left out, it never fills. */
  bandwidth: optional(bandwidth),
  /** Of packets. What TCP makes of it is the network model's affair: late, and in the end a reset. */
  loss: withDefault(share, '0%'),
  /** Of datagrams, which only the baselines send: what the agent says goes over TCP. */
  duplication: withDefault(share, '0%'),
})

/** Where a farther kind of link is left out, the nearer one holds. */
const linksSchema = object({
  sameRack: linkSchema,
  sameRegion: optional(linkSchema),
  betweenRegions: optional(linkSchema),
})

/** Each member's clock is off by up to `skew` either way, and runs up to `driftPpm` too fast or too slow. */
const clocksSchema = object({
  skew: withDefault(duration, '0s'),
  driftPpm: withDefault(integer(0, 10_000), 0),
})

const usualLink = { latency: '200us..5ms', jitter: '0s', loss: '0%', duplication: '0%' }

/** Boot ends when all see all, safety after its time, liveness when all is at rest; both ends are bounded. */
const durationsSchema = object({
  boot: withDefault(duration, '60s'),
  /** Over which the starts are spread. */
  bootSpread: withDefault(duration, '1s'),
  safety: withDefault(duration, '30s'),
  liveness: withDefault(duration, '90s'),
})

/** Those that a checker looks at in every run. S7 shows as `moves = 0`; S5 and S8 have tests of their own. */
export const promises = ['S1', 'S2', 'S3', 'S4', 'S6'] as const

/** `detection.p99 <= 3.5s`: see expectation.ts for what can be measured. */
const expectation: Schema<string> = text({ min: 1, max: 120 })

export const scenarioSchema = object({
  name,
  /** One line, shown by `starling sim list`. */
  about: text({ min: 1, max: 160 }),
  members: membersSchema,
  links: withDefault(linksSchema, { sameRack: usualLink }),
  clocks: withDefault(clocksSchema, { skew: '0s', driftPpm: 0 }),
  workload: withDefault(list(workloadSchema, limits.workloads), []),
  faults: withDefault(list(faultSchema, limits.faults), []),
  /** Warm: all know all from the first moment, as after a boot that has settled (warm-start.ts). */
  start: withDefault(literal('cold', 'warm'), 'cold'),
  durations: withDefault(durationsSchema, {
    boot: '60s',
    bootSpread: '1s',
    safety: '30s',
    liveness: '90s',
  }),
  expect: withDefault(list(expectation, limits.expectations), []),
  /** What becomes of a run in which a fault or another knob had no effect. */
  idleKnobs: withDefault(literal('fail', 'tell'), 'fail'),
  promises: withDefault(list(literal(...promises), promises.length), ['S1', 'S2', 'S3', 'S4']),
  /** Every message through the codec, as between agents; the trace is the same either way. */
  encode: withDefault(boolean(), false),
})

export type Scenario = Infer<typeof scenarioSchema>
export type MembersShape = Scenario['members']
export type ClassShape = MembersShape['classes'][number]
export type RegionShape = MembersShape['regions'][number]
export type LinksShape = Scenario['links']
export type LinkShape = LinksShape['sameRack']
export type ClocksShape = Scenario['clocks']
