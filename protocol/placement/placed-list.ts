/**
 * Sorted lists of allocations, replaced instead of changed. The last change of each list is remembered, so that
 * thousands of simulated members that make the same change to the same list get the same list.
 */
import { compareText } from '../base/id.ts'
import { inserted, lowerBound, removed } from '../base/list.ts'
import { remembered } from '../base/remembered.ts'
import type { Placed } from './inventory.ts'

type Compare = (a: Placed, b: Placed) => number

/** In (slot, created) order. */
export function comparePlaced(a: Placed, b: Placed): number {
  return (
    a.body.slot - b.body.slot ||
    a.body.createdStamp - b.body.createdStamp ||
    compareText(a.body.id, b.body.id) ||
    compareText(a.member, b.member)
  )
}

/** In (job, slot, created) order. */
export function compareByJob(a: Placed, b: Placed): number {
  return compareText(a.body.job, b.body.job) || comparePlaced(a, b)
}

/** Those of one slot, of a list in slot order: a job of 10,000 slots is not searched for one. */
export function ofSlot(placed: readonly Placed[], slot: number): readonly Placed[] {
  const low = lowerBound(placed, (each) => each.body.slot < slot)
  let end = low
  while (end < placed.length && placed[end]!.body.slot === slot) end++
  return placed.slice(low, end)
}

/** The list without `held`, which is in it, and with `placed`. */
export const replaced = remembered(
  (
    list: readonly Placed[],
    held: Placed | undefined,
    placed: Placed | undefined,
    compare: Compare,
  ): readonly Placed[] => {
    const place = (of: readonly Placed[], item: Placed) =>
      lowerBound(of, (each) => compare(each, item) < 0)
    const rest = held === undefined ? list : removed(list, place(list, held))
    return placed === undefined ? rest : inserted(rest, place(rest, placed), placed)
  },
)
