/**
 * What a member has free, as it spreads epidemically on the ring exchange: a hint for the choice of
 * candidates, never a permission. Admission by the member itself is what keeps nodes from overcommitment.
 */
import type { MemberId } from '../base/id.ts'
import type { Resources } from './resources.ts'

export interface Availability {
  readonly member: MemberId
  /** Its member's clock in ms × 4096 + a count: the greater is the newer, also after a restart. */
  readonly counter: number
  readonly capacity: Resources
  /** Admitted and not yet ended. */
  readonly committed: Resources
  /** Measured on the machine. */
  readonly used: Resources
}
