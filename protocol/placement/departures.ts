/**
 * When a member goes, the stewards of all that it ran decide in the same few milliseconds, and each sees more or less
 * of what the others have just decided. Where two members are about as good for a slot, that would decide: the same
 * death would move the same slots elsewhere each time, and nobody could say where beforehand. So for a moment the
 * choice is made by what all knew before: what others have placed since then does not count in a member's score.
 * Whether it has room is still told by the freshest figures, and it admits by its own.
 *
 * The rejected alternative is to decide one after the other, which takes longer the more there is to do.
 */
import {
  type AllocationId,
  type MemberId,
  type Millis,
  type Stamp,
  stampsPerMs,
} from '../base/id.ts'
import { SparseMap } from '../base/sparse.ts'
import type { Config } from '../config.ts'
import { isEnded } from './allocation.ts'
import type { Inventory } from './inventory.ts'
import { add, noResources, type Resources } from './resources.ts'

type Knobs = Pick<Config, 'placementSettleMs' | 'placementFormingMs'>

export class Departures {
  readonly #config: Knobs
  readonly #inventory: Pick<Inventory, 'allocationsOn'>
  /** What this steward has asked for lately, which always counts. */
  readonly #asked = new SparseMap<AllocationId, Millis>()
  #since: Stamp = 0
  #until: Millis = 0

  constructor(config: Knobs, inventory: Pick<Inventory, 'allocationsOn'>) {
    this.#config = config
    this.#inventory = inventory
  }

  /** A member is gone, or is to be left: others have heard of it up to `placementFormingMs` before. */
  note(now: Millis): void {
    const { placementSettleMs, placementFormingMs } = this.#config
    if (now >= this.#until) this.#since = (now - placementFormingMs) * stampsPerMs
    this.#until = now + placementSettleMs
  }

  asked(id: AllocationId, now: Millis): void {
    const { placementSettleMs, placementFormingMs } = this.#config
    for (const [old, at] of this.#asked) {
      if (now - at <= placementSettleMs + placementFormingMs) break
      this.#asked.delete(old)
    }
    this.#asked.set(id, now)
  }

  /** What others have placed on each member since the last departure; undefined once that is long enough ago. */
  placedByOthers(now: Millis): ((member: MemberId) => Resources) | undefined {
    if (now >= this.#until) return undefined
    const found = new Map<MemberId, Resources>()
    return (member) => {
      const known = found.get(member) ?? this.#sumOn(member)
      found.set(member, known)
      return known
    }
  }

  #sumOn(member: MemberId): Resources {
    let sum = noResources
    for (const { body } of this.#inventory.allocationsOn(member))
      if (body.createdStamp > this.#since && !isEnded(body.state) && !this.#asked.has(body.id))
        sum = add(sum, body.resources)
    return sum
  }
}
