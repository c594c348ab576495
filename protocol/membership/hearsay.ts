/**
 * Deaths at second hand. When a partition heals, each half brings the deaths of the other's members with it;
 * believed for a moment, they would move what runs there. So where a link says otherwise the word waits, and
 * only the member's silence confirms it.
 */
import { Deadlines } from '../base/deadline.ts'
import type { MemberId, Millis } from '../base/id.ts'
import { SparseMap } from '../base/sparse.ts'
import type { MemberUpdate } from './member.ts'
import type { Claim } from './member-table.ts'

export class Hearsay {
  readonly #waiting = new SparseMap<MemberId, MemberUpdate>()
  readonly #deadlines = new Deadlines()

  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  deadline(): Millis | undefined {
    return this.#deadlines.next()
  }

  /** False when something of the kind waits already. */
  hold(update: MemberUpdate, until: Millis): boolean {
    if (this.#waiting.has(update.member)) return false
    this.#waiting.set(update.member, update)
    this.#deadlines.set(update.member, until)
    return true
  }

  /** The member has spoken. */
  drop(member: MemberId): void {
    if (this.#waiting.delete(member)) this.#deadlines.clear(member)
  }

  /** What was never contradicted. */
  takeDue(now: Millis): MemberUpdate[] {
    const taken: MemberUpdate[] = []
    for (const member of this.#deadlines.due(now)) {
      taken.push(this.#waiting.get(member)!)
      this.#waiting.delete(member)
    }
    return taken
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
