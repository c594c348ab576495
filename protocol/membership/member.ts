/**
 * What is known of a member, and which of two claims wins: the precedence table of SWIM (Das, Gupta,
 * Motivala, DSN 2002, section 4.2) with `left` beside `down`. The claims about one member form a
 * join-semilattice: the greater (incarnation, state) wins, so the order of arrival does not matter.
 */
import type { MemberId, Millis } from '../base/id.ts'
import { limits } from '../limits.ts'

export type MemberState = 'alive' | 'suspect' | 'down' | 'left'

export interface MemberUpdate {
  readonly member: MemberId
  readonly incarnation: number
  readonly state: MemberState
}

/** What was heard then. */
export interface PastUpdate {
  readonly update: MemberUpdate
  readonly at: Millis
}

/** The order within one incarnation. `left` is the subject's own word, so it is final. */
const rank: { readonly [state in MemberState]: number } = { alive: 0, suspect: 1, down: 2, left: 3 }

/** Whether claim `a` replaces claim `b` about the same member. */
export function supersedes(
  a: Pick<MemberUpdate, 'incarnation' | 'state'>,
  b: Pick<MemberUpdate, 'incarnation' | 'state'>,
): boolean {
  if (a.incarnation !== b.incarnation) return a.incarnation > b.incarnation
  return rank[a.state] > rank[b.state]
}

/**
 * Claims are not signed, so anybody with the key can make one up. A death under the highest incarnation that there is
 * could never be refuted; so at second hand, nobody's incarnation is believed to have gone up so far at once. Of
 * a member that is not known yet, whatever is said first is believed.
 */
export function isBelievable(incarnation: number, held: number | undefined): boolean {
  return held === undefined || incarnation - held <= limits.incarnationLeap
}

/** Who came and who went, each sorted. */
export interface PresenceChange {
  readonly came: readonly MemberId[]
  readonly gone: readonly MemberId[]
}

/** Alive or suspect: still counted on. */
export function isPresent(state: MemberState): boolean {
  return state === 'alive' || state === 'suspect'
}
