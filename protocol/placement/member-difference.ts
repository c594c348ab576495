/**
 * Who came and who went between two sorted lists of members: one walk along both. The last few answers are
 * remembered, because thousands of simulated members that share their lists ask the same.
 */
import type { MemberId } from '../base/id.ts'

export interface MemberDifference {
  readonly came: readonly MemberId[]
  readonly gone: readonly MemberId[]
}

interface Answer extends MemberDifference {
  readonly before: readonly MemberId[]
  readonly after: readonly MemberId[]
}

const answersRemembered = 8
let answers: readonly Answer[] = []

export function memberDifference(
  before: readonly MemberId[],
  after: readonly MemberId[],
): MemberDifference {
  const known = answers.find((each) => each.before === before && each.after === after)
  if (known !== undefined) return known
  const answer = {
    before,
    after,
    came: missingFrom(before, after),
    gone: missingFrom(after, before),
  }
  answers = [answer, ...answers.slice(0, answersRemembered - 1)]
  return answer
}

/** What `others` has and `members` lacks. */
function missingFrom(members: readonly MemberId[], others: readonly MemberId[]): MemberId[] {
  const missing: MemberId[] = []
  let i = 0
  for (const other of others) {
    while (i < members.length && members[i]! < other) i++
    if (members[i] !== other) missing.push(other)
  }
  return missing
}
