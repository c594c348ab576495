/**
 * The records of this member's allocations: each material change is one write and, where the state or the
 * health changed, one notification.
 */

import type { AllocationId } from '../base/id.ts'
import { SparseMap } from '../base/sparse.ts'
import type { Value } from '../base/value.ts'
import type { EffectSink } from '../effect.ts'
import { type AllocationBody, type AllocationState, allocationKey } from './allocation.ts'
import type { World } from './world.ts'

/** What follows is what others wait for; the steward has heard of these by the answer to its request. */
const stepsOnTheWay: ReadonlySet<AllocationState> = new Set(['pending', 'starting', 'stopping'])

export class OwnRecords {
  readonly #world: World
  readonly #written = new SparseMap<AllocationId, AllocationBody>()

  constructor(world: World) {
    this.#world = world
  }

  /** Of an earlier life: nothing to tell. */
  know(body: AllocationBody): void {
    this.#written.set(body.id, body)
  }

  has(id: AllocationId): boolean {
    return this.#written.has(id)
  }

  /** As last written. */
  isHealthy(id: AllocationId): boolean {
    return this.#written.get(id)?.healthy === true
  }

  write(body: AllocationBody, out: EffectSink): void {
    const previous = this.#written.get(body.id)
    if (previous === body) return
    this.#written.set(body.id, body)
    const key = allocationKey(this.#world.self, body.id)
    this.#world.write(key, body as unknown as Value, stepsOnTheWay.has(body.state))
    if (previous?.state === body.state && previous.healthy === body.healthy) return
    const { id: allocation, job, state, healthy, reason } = body
    const notification = { allocation, job, member: this.#world.self, state, healthy, reason }
    out.push({ type: 'notify', notification: { type: 'allocation-changed', ...notification } })
  }

  forget(id: AllocationId, out: EffectSink): void {
    this.#written.delete(id)
    this.#world.write(allocationKey(this.#world.self, id), null, true)
    out.push({ type: 'remove-allocation', allocation: id })
  }
}
