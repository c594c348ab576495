/**
 * Who else claims the slot of an allocation of ours, by the records: the facts from which the member judges
 * whether to go on.
 */
import type { AllocationBody } from './allocation.ts'
import { isLive } from './allocation.ts'
import { winnerOf } from './duplicate.ts'
import type { Inventory, Job, Placed } from './inventory.ts'
import type { World } from './world.ts'

export interface Known {
  readonly world: World
  readonly inventory: Inventory
}

/** The best claim to the slot; undefined when nobody else has one. `others` are further ones of our own. */
export function winnerOfSlot(
  job: Job,
  body: AllocationBody,
  others: readonly AllocationBody[],
  { world, inventory }: Known,
): Placed | undefined {
  const rivals = ofSlot(inventory.allocationsOf(job.id), body.slot).filter(
    (placed) => placed.member !== world.self && isLive(placed.body.state) && isHere(placed, world),
  )
  const own = others.filter((other) => other.id !== body.id && isLive(other.state))
  if (rivals.length === 0 && own.length === 0) return undefined
  const ours = [body, ...own].map((each) => ({
    member: world.self,
    stamp: each.createdStamp,
    body: each,
  }))
  return winnerOf(job, [...rivals, ...ours], inventory)
}

function isHere({ member }: Placed, world: World): boolean {
  const state = world.stateOf(member)
  return state === 'alive' || state === 'suspect'
}

/** `placed` is in slot order: a job of 10,000 slots is not searched for one. */
function ofSlot(placed: readonly Placed[], slot: number): readonly Placed[] {
  let low = 0
  let high = placed.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (placed[middle]!.body.slot < slot) low = middle + 1
    else high = middle
  }
  let end = low
  while (end < placed.length && placed[end]!.body.slot === slot) end++
  return placed.slice(low, end)
}

/**
 * What is known of an allocation's job. A record that cannot be read (of a later version of the agent) is no
 * reason to stop anything; no record at all is one, after a while, where there is anybody to have told us.
 */
export type JobKnowledge = 'known' | 'deleted' | 'unreadable' | 'never heard of'

export function knowledgeOf(job: string, { world, inventory }: Known): JobKnowledge {
  if (inventory.job(job) !== undefined) return 'known'
  const written = world.read(`job/${job}/spec`)
  if (written === undefined) return 'never heard of'
  return written.body === null ? 'deleted' : 'unreadable'
}

export function isAlone({ self, present }: Pick<World, 'self' | 'present'>): boolean {
  return present().every((member) => member === self)
}
