/**
 * Which nodes may take a slot of a job, and what is missing where one may not. The steward asks it of every
 * candidate, a member of itself for a system job, and `why` of everyone.
 *
 * A refusal is a constant or the constraint itself, and becomes text only where a person reads it: on a full
 * cluster of 10,000 nodes each waiting slot would otherwise format 10,000 sentences.
 */
import type { MemberId, Millis } from '../base/id.ts'
import { unreachable } from '../base/invariant.ts'
import type { MemberState } from '../membership/member.ts'
import { attributeOf, matchesGlob } from './attribute.ts'
import { devicesFit, type GpuKind } from './fragmentation.ts'
import { type Constraint, type JobSpec, slotResources } from './job.ts'
import type { NodeBody } from './node-body.ts'
import type { Occupancy } from './occupancy.ts'
import { type Resources, shortage } from './resources.ts'

/** What one slot of a job asks for, prepared once for many candidates. */
export interface Wish {
  readonly spec: JobSpec
  readonly need: Resources
  readonly runtimes: readonly Runtime[]
  /** All values that present nodes have, by the attribute of each `group-by`. */
  readonly groups: ReadonlyMap<string, ReadonlySet<string>>
  /** What free GPUs may be wanted for. */
  readonly gpuKinds: readonly GpuKind[]
}

export interface Candidate {
  readonly member: MemberId
  readonly state: MemberState | undefined
  readonly node: NodeBody | undefined
  readonly draining: boolean
  readonly free: Resources
  /** Thousandths left of each GPU, where they are shared; absent where they are given whole. */
  readonly devices?: readonly number[]
}

type Runtime = NodeBody['runtimes'][number]
export type Refusal =
  | 'not known yet'
  | 'suspect'
  | 'down'
  | 'left'
  | 'draining'
  | 'away'
  | Runtime
  | keyof Resources
  | Constraint

export type GroupedNode = Pick<Candidate, 'member' | 'node' | 'draining'>

/** Only `group-by` has to know all values, and goes through the nodes once for each; other jobs look at none. */
export function groupsOf(
  { constraints }: JobSpec,
  nodes: () => Iterable<GroupedNode>,
): Wish['groups'] {
  const groups = new Map<string, Set<string>>()
  for (const { operator, attribute } of constraints) {
    if (operator !== 'group-by') continue
    const values = new Set<string>()
    for (const { member, node, draining } of nodes()) {
      const value = node && attributeOf(attribute, member, node)
      if (value !== undefined && !draining) values.add(value)
    }
    groups.set(attribute, values)
  }
  return groups
}

const noGroups: Wish['groups'] = new Map()

export function wishOf(
  spec: JobSpec,
  groups: Wish['groups'] = noGroups,
  gpuKinds: Wish['gpuKinds'] = [],
): Wish {
  const runtimes: Runtime[] = []
  if (spec.tasks.some((task) => task.process !== undefined)) runtimes.push('process')
  if (spec.tasks.some((task) => task.docker !== undefined)) runtimes.push('docker')
  return { spec, need: slotResources(spec), runtimes, groups, gpuKinds }
}

/** Why the candidate cannot take a slot now; undefined when it can. */
export function refusalOf(
  wish: Wish,
  candidate: Candidate,
  occupancy: Occupancy,
  now: Millis,
): Refusal | undefined {
  const unfit = unfitness(wish, candidate, now)
  if (unfit !== undefined) return unfit
  const broken =
    wish.spec.constraints.length === 0 ? undefined : brokenBy(wish, candidate, occupancy)
  const short = broken ?? shortage(wish.need, candidate.free)
  if (short !== undefined || candidate.devices === undefined) return short
  return devicesFit(wish.need, candidate.devices) ? undefined : 'gpu'
}

function brokenBy(
  { spec, groups }: Wish,
  { member, node }: Candidate,
  occupancy: Occupancy,
): Constraint | undefined {
  if (node === undefined) return undefined
  const facts = { occupancy, groups }
  return spec.constraints.find(
    (constraint) =>
      !isSatisfied(constraint, attributeOf(constraint.attribute, member, node), facts),
  )
}

function unfitness(wish: Wish, candidate: Candidate, now: Millis): Refusal | undefined {
  const { state, node, draining } = candidate
  if (state === undefined || (node === undefined && state === 'alive')) return 'not known yet'
  if (state !== 'alive') return state
  if (node === undefined) return 'not known yet'
  if (draining) return 'draining'
  if (node.awayUntil !== null && node.awayUntil > now) return 'away'
  for (const runtime of wish.runtimes) if (!node.runtimes.includes(runtime)) return runtime
  return undefined
}

export interface ConstraintFacts {
  readonly occupancy: Occupancy
  readonly groups: Wish['groups']
}

/** `value` is the node's; the counting operators look at where the job's other slots are. */
export function isSatisfied(
  { attribute, operator, value: wanted = '' }: Constraint,
  value: string | undefined,
  { occupancy, groups }: ConstraintFacts,
): boolean {
  switch (operator) {
    case '=':
      return value === wanted
    case '!=':
      return value !== wanted
    case 'like':
      return value !== undefined && matchesGlob(wanted, value)
    case 'unlike':
      return value === undefined || !matchesGlob(wanted, value)
    case 'unique':
      return value !== undefined && occupancy.at(attribute, value) === 0
    case 'max-per':
      return value !== undefined && occupancy.at(attribute, value) < Number(wanted)
    case 'cluster':
      return value !== undefined && isTogether(occupancy.valuesOf(attribute), value, wanted)
    case 'group-by':
      return value !== undefined && isLeastFilled({ attribute, value, wanted }, occupancy, groups)
    default:
      return unreachable(operator)
  }
}

/** `cluster`: the named value, or without one the value that the first slot happened to get. */
function isTogether(taken: ReadonlyMap<string, number>, value: string, wanted: string): boolean {
  if (wanted !== '') return value === wanted
  return taken.size === 0 || taken.has(value)
}

/** `group-by`: no group gets its second slot before each has its first. A value says how many groups there are. */
function isLeastFilled(
  { attribute, value, wanted }: { attribute: string; value: string; wanted: string },
  occupancy: Occupancy,
  groups: Wish['groups'],
): boolean {
  const here = occupancy.at(attribute, value)
  if (here === 0) return true
  const expected = Math.max(1, Number(wanted) || 0)
  const taken = occupancy.valuesOf(attribute)
  if (taken.size < expected) return false
  for (const other of groups.get(attribute) ?? taken.keys())
    if (occupancy.at(attribute, other) < here) return false
  return true
}

/** The refusal in words: `cpu: needs 2000, 500 free`, `label.zone = a: is b`, `draining`. */
export function describeRefusal(refusal: Refusal, candidate: Candidate, need: Resources): string {
  if (typeof refusal === 'object') return describeConstraint(refusal, candidate)
  switch (refusal) {
    case 'cpu':
    case 'memory':
    case 'disk':
    case 'gpu':
      return `${refusal}: needs ${need[refusal]}, ${Math.max(0, candidate.free[refusal])} free`
    case 'process':
    case 'docker':
      return `runtime: has no ${refusal}`
    default:
      return refusal
  }
}

function describeConstraint(constraint: Constraint, { member, node }: Candidate): string {
  const value = node && attributeOf(constraint.attribute, member, node)
  const { attribute, operator, value: wanted } = constraint
  const rule = wanted === undefined ? operator : `${operator} ${wanted}`
  return `${attribute} ${rule}: is ${value ?? 'not set'}`
}
