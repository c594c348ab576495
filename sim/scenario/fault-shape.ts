/**
 * The faults of a scenario: what breaks, whom it strikes, when, and for how long. Times count from the end of the
 * boot. A fault happens `at` its time, and again `every` so often or at random with the `mean` interval; it ends
 * after `for`, at the latest when the safety phase ends and everything is repaired.
 */
import {
  type Infer,
  integer,
  list,
  literal,
  object,
  optional,
  refine,
  type Schema,
  text,
  union,
  withDefault,
} from '../../protocol/base/schema.ts'
import { scenarioLimits as limits } from '../limits.ts'
import { counts, duration, durationRange, share } from './quantity.ts'

const memberName = text({
  max: 8,
  pattern: /^n(0|[1-9][0-9]*)$/,
  hint: 'must be a member such as n7',
})
const rackName = text({
  max: 50,
  pattern: /^[a-z0-9-]+\/[1-9][0-9]*$/,
  hint: 'must be a rack such as north/3',
})

/** Exactly one way to say whom. Those that are drawn are drawn anew at each strike. */
const targetSchema = refine(
  object({
    members: optional(list(memberName, 1000, 1)),
    /** So many, or such a share, of the members that are up, drawn at random. */
    count: optional(counts(1, limits.members)),
    share: optional(share),
    rack: optional(rackName),
    /** So many racks, or regions, drawn at random. */
    racks: optional(integer(1, 1000)),
    region: optional(text({ min: 1, max: 40 })),
    regions: optional(integer(1, 100)),
    class: optional(text({ min: 1, max: 40 })),
  }),
  (target, path, complain) => {
    if (Object.keys(target).length !== 1)
      complain(
        path,
        'must have exactly one of members, count, share, rack, racks, region, regions, class',
      )
  },
)

const timing = {
  at: withDefault(duration, '0s'),
  every: optional(duration),
  mean: optional(duration),
  times: optional(integer(1, 100_000)),
  /** No strike later than this. */
  until: optional(duration),
}
const lasting = { for: optional(durationRange) }
const striking = { ...timing, ...lasting, target: targetSchema }
/** One target after the other, evenly spread over this, each for its own time; left out, all at once. */
const staggered = { ...striking, within: optional(duration) }

/** Members on the other side; left out, everyone who is not a target. */
const other = { other: optional(targetSchema) }

export const faultSchema = refine(
  union('fault', {
    /** `kill -9` of the agent: its tasks go on; a new agent starts when it ends. */
    'kill-agent': object({ fault: literal('kill-agent'), ...staggered }),
    /** SIGTERM and a new agent, as an upgrade does it: it says goodbye, and its tasks go on. */
    'restart-agent': object({ fault: literal('restart-agent'), ...staggered }),
    /** The machine: tasks end, nobody is told; it starts again when it ends. */
    'power-off': object({ fault: literal('power-off'), ...staggered }),
    /** The machine and its disk, for good. */
    destroy: object({ fault: literal('destroy'), ...timing, target: targetSchema }),
    /** No message in either direction between the targets and the others. */
    cut: object({ fault: literal('cut'), ...striking, ...other }),
    /** As a cut, again and again: down for so long, up for so long. */
    flap: object({
      fault: literal('flap'),
      ...striking,
      ...other,
      down: durationRange,
      up: durationRange,
    }),
    /** One way: the targets no longer hear the others (`in`), or are no longer heard (`out`). */
    deafen: object({
      fault: literal('deafen'),
      ...striking,
      ...other,
      direction: withDefault(literal('in', 'out'), 'in'),
    }),
    /** Packets lost on every link of the targets, both ways. */
    lose: object({ fault: literal('lose'), ...striking, loss: share }),
    /** A busy machine: its agent comes to each event so much later. */
    slow: object({ fault: literal('slow'), ...striking, delay: durationRange }),
    'fill-disk': object({ fault: literal('fill-disk'), ...striking }),
    /** The targets' clocks jump, forward or, with a minus, back. */
    'jump-clock': object({
      fault: literal('jump-clock'),
      ...timing,
      target: targetSchema,
      by: text({
        max: 21,
        pattern: /^-?[0-9]{1,9}(\.[0-9]{1,3})?(us|ms|s|m|h)$/,
        hint: 'must be a duration, with a minus when back',
      }),
    }),
    /** The operator empties the targets, and fills them again when it ends. */
    drain: object({ fault: literal('drain'), ...striking }),
    'add-members': object({
      fault: literal('add-members'),
      ...timing,
      count: counts(1, limits.members),
    }),
    /** Nonsense at the targets' ports: so many a second each, from strangers and from a member gone bad. */
    flood: object({ fault: literal('flood'), ...striking, perSecond: integer(1, 100_000) }),
    /** The targets' container engines refuse such a share of the starts. */
    'fail-starts': object({ fault: literal('fail-starts'), ...striking, share }),
  }),
  (fault, path, complain) => {
    if (fault.every !== undefined && fault.mean !== undefined)
      complain(`${path}.mean`, 'cannot be given together with every')
    if (fault.times !== undefined && fault.every === undefined && fault.mean === undefined)
      complain(`${path}.times`, 'needs every or mean')
  },
)

export type Target = Infer<typeof targetSchema>
export type FaultShape = Infer<typeof faultSchema>
export type FaultName = FaultShape['fault']
export const targetShape: Schema<Target> = targetSchema
