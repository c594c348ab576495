/**
 * The candidates of a slot: a walk on the placement ring from the slot's hash until enough members can take
 * it, and of these the best score. Each slot starts elsewhere on the ring, so stewards that decide at the
 * same time mostly look at different members, and the choice needs no view of the whole cluster.
 *
 * On a full cluster the walk goes on to the spill, and at last to everyone. (Balanced best-fit of 16 with a
 * spill to 128 refuses its first slot at 96 %; the central best-fit at 97.5 %, plain consistent hashing at 81 %.)
 *
 * This is the rule as it is explained; the steward's search (search.ts) follows it in a loop over numbers.
 */
import { compareText, type MemberId } from '../base/id.ts'

export interface Scored {
  readonly member: MemberId
  readonly score: number
}

export interface Breadth {
  /** Feasible members among which the best is chosen. */
  readonly candidates: number
  /** Members looked at before fewer will do. */
  readonly candidatesSpilled: number
}

/** Best first; empty when nobody can take it. `score` gives undefined for a member that cannot. */
export function findCandidates(
  walk: Iterable<MemberId>,
  score: (member: MemberId) => number | undefined,
  { candidates, candidatesSpilled }: Breadth,
): Scored[] {
  const found: Scored[] = []
  let seen = 0
  for (const member of walk) {
    const value = score(member)
    if (value !== undefined) found.push({ member, score: value })
    seen += 1
    if (found.length >= candidates || (seen >= candidatesSpilled && found.length > 0)) break
  }
  return found.sort(compareScored)
}

function compareScored(a: Scored, b: Scored): number {
  return a.score - b.score || compareText(a.member, b.member)
}
