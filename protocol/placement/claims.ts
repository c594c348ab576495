/**
 * Who else claims the slot of an allocation of ours, by the records: the facts from which the member judges
 * whether to go on.
 */
import type { AllocationId } from '../base/id.ts'
import type { AllocationBody } from './allocation.ts'
import { isLive } from './allocation.ts'
import { winnerOf } from './duplicate.ts'
import type { Inventory, Job, Placed } from './inventory.ts'
import { ofSlot } from './placed-list.ts'
import type { World } from './world.ts'

export interface Known {
  readonly world: World
  readonly inventory: Inventory
}

/**
 * The best claim to the slot; undefined when nobody else has one. `others` are further ones of our own; `isOver`
 * tells which live ones are known not to be, though their records do not say so yet.
 */
export function winnerOfSlot(
  job: Job,
  body: AllocationBody,
  others: readonly AllocationBody[],
  isOver: (id: AllocationId) => boolean,
  { world, inventory }: Known,
): Placed | undefined {
  const isRival = (placed: Placed): boolean =>
    placed.member !== world.self && isLive(placed.body.state) && isHere(placed, world)
  const rivals = ofSlot(inventory.allocationsOf(job.id), body.slot).filter(
    (placed) => isRival(placed) && !isOver(placed.body.id),
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

export function isAlone({
  self,
  present,
  presentCount,
}: Pick<World, 'self' | 'present' | 'presentCount'>): boolean {
  return presentCount() <= 1 && present().every((member) => member === self)
}
