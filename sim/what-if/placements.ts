/** Which slot runs on which node, and what moved between two looks. */
import { compareText } from '../../protocol/base/id.ts'
import { isLive } from '../../protocol/placement/allocation.ts'
import type { Simulator } from '../simulator.ts'

export interface Seat {
  readonly job: string
  readonly slot: number
  readonly node: string
  readonly allocation: string
}

/** Seats by slot; of a system job, which has the same slot on each node, by node. */
export type Seats = ReadonlyMap<string, Seat>

export interface Move {
  readonly job: string
  readonly slot: number
  /** null for a slot that ran nowhere. */
  readonly from: string | null
  /** null for one that runs nowhere now. The same node: it was started anew there. */
  readonly to: string | null
}

/** By the truth of the first agent that is up: at rest all agree. */
export function seatsOf(simulator: Simulator): Seats {
  const seats = new Map<string, Seat>()
  const view = simulator.up()[0]?.core.view()
  if (view === undefined) return seats
  const system = new Set(view.jobs().flatMap(({ id, spec }) => (spec.type === 'system' ? id : [])))
  for (const { member, state, body } of view.allocations()) {
    if (state === 'lost' || !isLive(state)) continue
    const node = simulator.byId.get(member)?.name ?? member
    const { job, slot, id: allocation } = body
    const place = system.has(job) ? node : slot
    seats.set(`${job} ${place}`, { job, slot, node, allocation })
  }
  return seats
}

/** By job, then slot. */
export function movesBetween(before: Seats, after: Seats): Move[] {
  const moves: Move[] = []
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(key), after.get(key)]
    if (was?.allocation === is?.allocation && was?.node === is?.node) continue
    const { job, slot } = (is ?? was)!
    moves.push({ job, slot, from: was?.node ?? null, to: is?.node ?? null })
  }
  return moves.sort(compareMoves)
}

function compareMoves(a: Move, b: Move): number {
  return (
    compareText(a.job, b.job) ||
    a.slot - b.slot ||
    compareText(a.from ?? '', b.from ?? '') ||
    compareText(a.to ?? '', b.to ?? '')
  )
}
