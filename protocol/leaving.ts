/**
 * A departure on purpose: first the tasks end (or are kept for the next agent), then everyone is told, then,
 * when the telling has had time to go out, the agent may stop.
 */
import type { Millis } from './base/id.ts'
import type { EffectSink } from './effect.ts'
import type { Membership } from './membership/membership.ts'
import type { Host } from './placement/host.ts'

/** Two gossip intervals and a hop: the last records and the farewell are on their way by then. */
const farewellMs = 300

export class Leaving {
  readonly #host: Host
  readonly #membership: Membership
  #keepTasks = false
  #phase: 'staying' | 'stopping-tasks' | 'saying-farewell' | 'gone' = 'staying'
  #stopAt: Millis | undefined

  constructor(init: { host: Host; membership: Membership }) {
    this.#host = init.host
    this.#membership = init.membership
  }

  get isLeaving(): boolean {
    return this.#phase !== 'staying'
  }

  get deadline(): Millis | undefined {
    return this.#stopAt
  }

  request(keepTasks: boolean, now: Millis, out: EffectSink): void {
    if (this.isLeaving) return
    this.#keepTasks = keepTasks
    this.#phase = 'stopping-tasks'
    this.#host.leave(keepTasks, now, out)
  }

  /** Goes on when the step before is done. */
  settle(now: Millis, out: EffectSink): void {
    if (this.#phase === 'stopping-tasks' && this.#host.isQuiet()) {
      this.#phase = 'saying-farewell'
      this.#stopAt = now + farewellMs
      // With its tasks kept, the node is only away: its record says until when, and nothing is moved.
      if (!this.#keepTasks) this.#membership.leave(now, out)
    }
    if (this.#phase === 'saying-farewell' && this.#stopAt !== undefined && now >= this.#stopAt) {
      this.#phase = 'gone'
      this.#stopAt = undefined
      out.push({ type: 'stop-agent' })
    }
  }
}
