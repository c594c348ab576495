/**
 * Allocations that this steward has asked their members to stop. There is no answer but the allocation's
 * record: until it shows the stop the allocation counts as stopping, and after a while it is asked again.
 *
 * One that serves nobody may be stopped where one that serves may not. Its member knows better than we do which of
 * the two it is: it may have turned healthy since it last wrote to us, and then it goes on, and we decide anew.
 */

import { Deadlines } from '../base/deadline.ts'
import type { AllocationId, JobId, Millis } from '../base/id.ts'
import { SparseMap } from '../base/sparse.ts'
import type { EffectSink } from '../effect.ts'
import { type AllocationBody, isLive } from './allocation.ts'
import type { StopRequest } from './message.ts'
import type { Stop } from './reconcile.ts'
import type { StewardInit } from './seater.ts'

interface Asked {
  readonly job: JobId
  readonly unlessHealthy: boolean
}

export class StopRequests {
  readonly #init: StewardInit
  readonly #asked = new SparseMap<AllocationId, Asked>()
  readonly #deadlines = new Deadlines()

  constructor(init: StewardInit) {
    this.#init = init
  }

  has(id: AllocationId): boolean {
    return this.#asked.has(id)
  }

  send({ placed, reason }: Stop, now: Millis, out: EffectSink): void {
    const { world, hooks, config } = this.#init
    const { id, job, healthy } = placed.body
    if (this.#asked.has(id)) return
    const unlessHealthy = !healthy
    this.#asked.set(id, { job, unlessHealthy })
    this.#deadlines.set(id, now + config.waitingRetryMs)
    const request: StopRequest = {
      type: 'stop-request',
      allocation: id,
      reason,
      ...(unlessHealthy && { unlessHealthy }),
    }
    if (placed.member === world.self) hooks.askSelf(request, now, out)
    else out.push({ type: 'send', to: placed.member, message: request })
  }

  /** The record shows what came of it: that it stops, or that it goes on. */
  onChanged({ id, state, healthy }: AllocationBody): void {
    const asked = this.#asked.get(id)
    if (!isLive(state) || (healthy && asked?.unlessHealthy)) this.close(id)
  }

  close(id: AllocationId): void {
    this.#asked.delete(id)
    this.#deadlines.clear(id)
  }

  deadline(): Millis | undefined {
    return this.#deadlines.next()
  }

  /** The jobs of requests that had no effect in time. */
  takeDue(now: Millis): JobId[] {
    const jobs: JobId[] = []
    for (let id = this.#deadlines.takeDue(now); id !== undefined; ) {
      jobs.push(this.#asked.get(id)?.job ?? '')
      this.#asked.delete(id)
      id = this.#deadlines.takeDue(now)
    }
    return jobs
  }
}
