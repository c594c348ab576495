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
    const figures = { capacity, committed, used: this.#used }
    const last = this.#last
    if (last !== undefined && isSame(last, figures)) return last
    const counter = Math.max(now * countsPerMs, (last?.counter ?? -1) + 1)
    this.#last = { member: this.#member, counter, ...figures }
    return this.#last
  }
}

type Figures = Pick<Availability, 'capacity' | 'committed' | 'used'>

function isSame(a: Figures, b: Figures): boolean {
  return (['capacity', 'committed', 'used'] as const).every(
    (kind) => a[kind] === b[kind] || dimensions.every((name) => a[kind][name] === b[kind][name]),
  )
}
