/**
 * This member's own entry of the availability gossip: what it has, what it has promised, and what is measured
 * in use. The same object as long as nothing changed, so that asking in every step costs nothing.
 */
import type { MemberId, Millis } from '../base/id.ts'
import type { Availability } from './availability.ts'
import { dimensions, noResources, type Resources } from './resources.ts'

const countsPerMs = 4096

export class OwnAvailability {
  readonly #member: MemberId
  #used: Resources = noResources
  #last: Availability | undefined

  constructor(member: MemberId) {
    this.#member = member
  }

  setUsed(used: Resources): void {
    this.#used = used
  }

  entry(capacity: Resources, committed: Resources, now: Millis): Availability {
    const last = this.#last
    const used = this.#used
    if (
      last !== undefined &&
      isSame(last.capacity, capacity) &&
      isSame(last.committed, committed) &&
      isSame(last.used, used)
    )
      return last
    const counter = Math.max(now * countsPerMs, (last?.counter ?? -1) + 1)
    this.#last = { member: this.#member, counter, capacity, committed, used }
    return this.#last
  }
}

function isSame(a: Resources, b: Resources): boolean {
  return a === b || dimensions.every((name) => a[name] === b[name])
}
