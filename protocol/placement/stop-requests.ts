/**
 * Allocations that this steward has asked their members to stop. There is no answer but the allocation's
 * record: until it shows the stop the allocation counts as stopping, and after a while it is asked again.
 */

import { Deadlines } from '../base/deadline.ts'
import type { AllocationId, JobId, Millis } from '../base/id.ts'
import { SparseMap } from '../base/sparse.ts'
import type { EffectSink } from '../effect.ts'
import type { StopRequest } from './message.ts'
import type { Stop } from './reconcile.ts'
import type { StewardInit } from './seater.ts'

export class StopRequests {
  readonly #init: StewardInit
  readonly #jobOf = new SparseMap<AllocationId, JobId>()
  readonly #deadlines = new Deadlines()

  constructor(init: StewardInit) {
    this.#init = init
  }

  has(id: AllocationId): boolean {
    return this.#jobOf.has(id)
  }

  send({ placed, reason }: Stop, now: Millis, out: EffectSink): void {
    const { world, hooks, config } = this.#init
    const { id, job } = placed.body
    if (this.#jobOf.has(id)) return
    this.#jobOf.set(id, job)
    this.#deadlines.set(id, now + config.waitingRetryMs)
    const request: StopRequest = { type: 'stop-request', allocation: id, reason }
    if (placed.member === world.self) hooks.askSelf(request, now, out)
    else out.push({ type: 'send', to: placed.member, message: request })
  }

  /** The record shows that it stops. */
  close(id: AllocationId): void {
    this.#jobOf.delete(id)
    this.#deadlines.clear(id)
  }

  deadline(): Millis | undefined {
    return this.#deadlines.next()
  }

  /** The jobs of requests that had no effect in time. */
  takeDue(now: Millis): JobId[] {
    const jobs: JobId[] = []
    for (let id = this.#deadlines.takeDue(now); id !== undefined; ) {
      jobs.push(this.#jobOf.get(id) ?? '')
      this.#jobOf.delete(id)
      id = this.#deadlines.takeDue(now)
    }
    return jobs
  }
}
