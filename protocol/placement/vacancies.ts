/**
 * What the members of the placement ring have free, as numbers by their place on it. While a cluster fills, a search
 * looks at some fifty members for a slot, and a look-up by name and an object for each were most of what it cost.
 *
 * It is a copy: a member is read when a search first meets it, and again after `note` has said that something about
 * it may have changed (its state, its node's record, what it has, what is committed). What requests under way hold of
 * it is not in it. Nothing is kept before enough was read to pay for the rows, so a steward of a few slots in a
 * large cluster has none; another ring begins anew.
 */
import type { MemberId } from '../base/id.ts'
import { clamp } from '../base/integer.ts'
import type { Candidate, Wish } from './feasibility.ts'
import type { NodeBody } from './node-body.ts'
import { PlacementRing } from './placement-ring.ts'

/**
 * A row: what is free, with less than nothing as -1; the capacities that count in the score; facts as bits. One that
 * has not been read has all the CPU and memory, so that whoever has room is asked for its facts, and no one else.
 */
export const column = {
  cpu: 0,
  memory: 1,
  disk: 2,
  gpu: 3,
  cpuCapacity: 4,
  memoryCapacity: 5,
  facts: 6,
} as const
const rowLength = 8

/** A row's facts; none where it has not been read. */
export const fact = {
  isRead: 1,
  /** Alive, not draining, with a node's record. */
  isOpen: 2,
  /** Its row does not say all: the plain rules judge it. */
  isSpecial: 4,
  process: 8,
  docker: 16,
} as const

/** The greatest number of a row; what is more is no more than this, and special. */
export const rowMax = 2 ** 31 - 1

/** 32 bytes a member are worth it once an eighth of the members have been read. */
const readsThatPay = 8

export class Vacancies {
  /** A member's row begins at its ring index times `stride`, which is 0 where a single row does for all. */
  rows = new Int32Array(rowLength)
  stride = 0
  readonly #read: (member: MemberId) => Candidate
  #ring = PlacementRing.empty
  #reads = 0

  /** `read` tells of a member as if no request were under way. */
  constructor(read: (member: MemberId) => Candidate) {
    this.#read = read
  }

  /** Indices are those of this ring from now on; `rows` and `stride` may be others. */
  follow(ring: PlacementRing): void {
    if (ring !== this.#ring) {
      this.#ring = ring
      this.#reads = 0
      if (this.stride > 0) this.rows = new Int32Array(rowLength)
      this.stride = 0
    }
    const { length } = ring.members
    if (this.stride > 0 || this.#reads * readsThatPay <= length) return
    this.rows = new Int32Array(length * rowLength)
    this.stride = rowLength
    for (let index = 0; index < length; index++) this.#forget(index)
  }

  note(member: MemberId): void {
    if (this.stride === 0) return
    const index = this.#ring.indexOf(member)
    if (index >= 0) this.#forget(index)
  }

  #forget(index: number): void {
    const row = index * this.stride
    this.rows[row + column.cpu] = rowMax
    this.rows[row + column.memory] = rowMax
    this.rows[row + column.facts] = 0
  }

  /** Reads the member into its row: where that has no facts, and before each look at one that serves all. */
  read(index: number): void {
    const row = index * this.stride
    this.#reads++
    const candidate = this.#read(this.#ring.members[index]!)
    const { free, node } = candidate
    const capacity = node === undefined ? free : node.capacity
    const most = Math.max(free.cpu, free.memory, free.disk, free.gpu, capacity.cpu, capacity.memory)
    const { rows } = this
    rows[row + column.cpu] = clamp(free.cpu, -1, rowMax)
    rows[row + column.memory] = clamp(free.memory, -1, rowMax)
    rows[row + column.disk] = clamp(free.disk, -1, rowMax)
    rows[row + column.gpu] = clamp(free.gpu, -1, rowMax)
    rows[row + column.cpuCapacity] = clamp(capacity.cpu, -1, rowMax)
    rows[row + column.memoryCapacity] = clamp(capacity.memory, -1, rowMax)
    rows[row + column.facts] = factsOf(candidate) | (most > rowMax ? fact.isSpecial : 0)
  }
}

function factsOf({ state, node, draining, devices }: Candidate): number {
  if (state !== 'alive' || node === undefined || draining) return fact.isRead
  const isSpecial = node.awayUntil !== null || devices !== undefined
  return fact.isRead | fact.isOpen | (isSpecial ? fact.isSpecial : 0) | bitsOf(node.runtimes)
}

/** The facts that a member must have to be asked for the wish. */
export function factsWanted({ runtimes }: Wish): number {
  return fact.isOpen | bitsOf(runtimes)
}

function bitsOf(runtimes: NodeBody['runtimes']): number {
  let bits = 0
  for (const runtime of runtimes) bits |= fact[runtime]
  return bits
}
