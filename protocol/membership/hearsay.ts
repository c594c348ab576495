/**
 * Deaths at second hand. When a partition heals, each half brings the deaths of the other's members with it;
 * believed for a moment, they would move what runs there. So where a link says otherwise the word waits, and
 * only the member's silence confirms it.
 */
import type { MemberId } from '../base/id.ts'
import type { MemberUpdate } from './member.ts'
import type { Claim } from './member-table.ts'

export class Hearsay {
  /** Undefined while nothing waits, which is nearly always. */
  #waiting: Map<MemberId, MemberUpdate> | undefined

  get isEmpty(): boolean {
    return this.#waiting === undefined
  }

  /** False when something of the kind waits already. */
  hold(update: MemberUpdate): boolean {
    this.#waiting ??= new Map()
    if (this.#waiting.has(update.member)) return false
    this.#waiting.set(update.member, update)
    return true
  }

  /** The member has spoken. */
  drop(member: MemberId): void {
    if (this.#waiting?.delete(member) && this.#waiting.size === 0) this.#waiting = undefined
  }

  /** What was never contradicted. */
  take(member: MemberId): MemberUpdate | undefined {
    const update = this.#waiting?.get(member)
    this.drop(member)
    return update
  }
}

/** Whether the word of a death is at odds with what is seen here. */
export function isContradicted(
  { incarnation, state }: MemberUpdate,
  claim: Claim | undefined,
  here: { isLinked: boolean; isSuspect: boolean },
): boolean {
  if (state !== 'down' || !here.isLinked || here.isSuspect) return false
  return claim?.state === 'alive' && incarnation >= claim.incarnation
}
