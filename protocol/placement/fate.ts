/**
 * What becomes of allocations whose member is not simply there. A suspect is waited for: most suspicions are
 * refuted. One that went on purpose said until when. A member of which nothing is known yet (we have just
 * started) is waited for a little. Past that the allocation is lost, and its slot is placed again.
 */
import type { MemberId, Millis } from '../base/id.ts'
import type { MemberState } from '../membership/member.ts'

export type Fate =
  | { readonly type: 'here' }
  | { readonly type: 'suspect' }
  /** Not here, and not given up before `until`. */
  | { readonly type: 'away'; readonly until: Millis }
  | { readonly type: 'lost' }

export interface FateFacts {
  readonly state: MemberState | undefined
  /** Since when it is seen to be neither alive nor suspect. */
  readonly missingSince: Millis
  readonly awayUntil: Millis | null
  /** The job's own patience and the cluster's. */
  readonly lostAfterMs: Millis
  readonly unknownMemberMs: Millis
  readonly now: Millis
}

/** Since when members with allocations are seen to be missing. */
export class Absences {
  readonly #since = new Map<MemberId, Millis>()

  note(member: MemberId, state: MemberState | undefined, now: Millis): void {
    if (state === 'alive' || state === 'suspect') this.#since.delete(member)
    else this.since(member, now)
  }

  since(member: MemberId, now: Millis): Millis {
    const since = this.#since.get(member) ?? now
    this.#since.set(member, since)
    return since
  }
}

const here: Fate = { type: 'here' }
const suspect: Fate = { type: 'suspect' }
const lost: Fate = { type: 'lost' }

export function fateOf(facts: FateFacts): Fate {
  if (facts.state === 'alive') return here
  if (facts.state === 'suspect') return suspect
  const until = Math.max(facts.missingSince + patienceMs(facts), facts.awayUntil ?? 0)
  return facts.now < until ? { type: 'away', until } : lost
}

function patienceMs({ state, lostAfterMs, unknownMemberMs }: FateFacts): Millis {
  // Who has left has stopped its tasks, or said that it is away.
  if (state === 'left') return 0
  return state === 'down' ? lostAfterMs : Math.max(lostAfterMs, unknownMemberMs)
}
