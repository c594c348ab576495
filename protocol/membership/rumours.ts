/**
 * Updates on their way: each rides on as many probes and acks as an epidemic needs to reach everyone with a
 * margin, then is dropped. What is missed all the same is repaired by comparing tables.
 */

import { compareText, type MemberId } from '../base/id.ts'
import { log2Ceil } from '../base/integer.ts'
import { SparseMap } from '../base/sparse.ts'
import { limits } from '../limits.ts'
import type { MemberUpdate } from './member.ts'

interface Rumour {
  readonly update: MemberUpdate
  left: number
}

export class Rumours {
  /** In the order of arrival, which is the same on every run. */
  readonly #rumours = new SparseMap<MemberId, Rumour>()

  get isEmpty(): boolean {
    return this.#rumours.size === 0
  }

  add(update: MemberUpdate, members: number): void {
    this.drop(update.member)
    this.#rumours.set(update.member, { update, left: 3 + 2 * log2Ceil(members + 1) })
  }

  /** It is old news. */
  drop(member: MemberId): void {
    this.#rumours.delete(member)
  }

  /** The next ones to send; counts as sent. */
  take(): MemberUpdate[] {
    if (this.#rumours.size === 0) return none
    const taken: MemberUpdate[] = []
    for (const [member, rumour] of this.#rumours) {
      if (taken.length === limits.updatesPerExchange) break
      taken.push(rumour.update)
      rumour.left -= 1
      if (rumour.left <= 0) this.#rumours.delete(member)
    }
    return taken
  }
}

/** Updates that do not wait to be carried: the newest of each member goes out by gossip. */
export class UrgentUpdates {
  readonly #updates = new SparseMap<MemberId, MemberUpdate>()

  get isEmpty(): boolean {
    return this.#updates.size === 0
  }

  add(update: MemberUpdate): void {
    this.#updates.set(update.member, update)
  }

  take(): MemberUpdate[] {
    if (this.#updates.size === 0) return none
    const taken = [...this.#updates.values()]
    this.#updates.clear()
    return taken.sort((a, b) => compareText(a.member, b.member))
  }
}

/** Never written to: the quiet cluster's probes share it. */
const none: MemberUpdate[] = []
