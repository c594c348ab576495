/**
 * Where a job's own slots are, counted by member and by the value of an attribute: what `unique`, `cluster`,
 * `group-by`, `max-per`, spread and the anti-affinity of a service look at. Kept current while a steward
 * places many slots of one job, so that the second slot sees the first.
 */
import type { MemberId } from '../base/id.ts'
import { SparseMap } from '../base/sparse.ts'
import { attributeOf } from './attribute.ts'
import type { JobSpec } from './job.ts'
import type { NodeBody } from './node-body.ts'

type NodeOf = (member: MemberId) => NodeBody | undefined

/** Constraints whose answer depends on the job's other slots. */
const countingOperators = ['unique', 'cluster', 'group-by', 'max-per']

export class Occupancy {
  readonly #nodeOf: NodeOf
  readonly #onMember = new SparseMap<MemberId, number>()
  /** attribute → value → slots. */
  readonly #byValue = new SparseMap<string, SparseMap<string, number>>()

  constructor(spec: JobSpec, nodeOf: NodeOf) {
    this.#nodeOf = nodeOf
    for (const { attribute } of spec.spread) this.#byValue.set(attribute, new SparseMap())
    for (const { attribute, operator } of spec.constraints)
      if (countingOperators.includes(operator)) this.#byValue.set(attribute, new SparseMap())
  }

  add(member: MemberId): void {
    this.#count(member, 1)
  }

  remove(member: MemberId): void {
    this.#count(member, -1)
  }

  on(member: MemberId): number {
    return this.#onMember.get(member) ?? 0
  }

  /** Slots on nodes whose attribute has the value. */
  at(attribute: string, value: string): number {
    return this.#byValue.get(attribute)?.get(value) ?? 0
  }

  /** The values that have slots. */
  valuesOf(attribute: string): ReadonlyMap<string, number> {
    return this.#byValue.get(attribute) ?? noValues
  }

  #count(member: MemberId, change: 1 | -1): void {
    bump(this.#onMember, member, change)
    if (this.#byValue.size === 0) return
    const node = this.#nodeOf(member)
    if (node === undefined) return
    for (const [attribute, counts] of this.#byValue) {
      const value = attributeOf(attribute, member, node)
      if (value !== undefined) bump(counts, value, change)
    }
  }
}

const noValues: ReadonlyMap<string, number> = new Map()

function bump(counts: SparseMap<string, number>, key: string, change: number): void {
  const count = (counts.get(key) ?? 0) + change
  if (count <= 0) counts.delete(key)
  else counts.set(key, count)
}
