/**
 * What becomes of allocations whose member is not simply there. A suspect is waited for: most suspicions are
 * refuted. One that went on purpose said until when. A member of which nothing is known yet (we have just
 * started) is waited for a little. Past that the allocation is lost, and its slot is placed again.
 *
 * A member that comes back says so twice: by its record, and by its new incarnation. Where the record arrives first,
 * it says no longer that the member is away, and membership does not say yet that it is here: a record that was
 * written since the member is missing is waited upon, or each agent's restart would start a second copy. So is one of
 * a later life than the one that is held for dead: a death is noticed a second late, when the next life may have begun.
 */

import { epochOf, type MemberId, type Millis, millisOf } from '../base/id.ts'
import { SparseMap } from '../base/sparse.ts'
import type { Config } from '../config.ts'
import type { MemberState } from '../membership/member.ts'
import type { Inventory } from './inventory.ts'
import { durationMs } from './job.ts'
import type { World } from './world.ts'

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
  /** When it wrote its node's record, by its own clock; null where there is none. */
  readonly writtenAt: Millis | null
  /** By a later life of the member than the one that is known to have ended. */
  readonly isOfLaterLife: boolean
  /** The job's own patience and the cluster's. */
  readonly lostAfterMs: Millis
  readonly unknownMemberMs: Millis
  readonly now: Millis
}

/** Since when members with allocations are seen to be missing. */
export class Absences {
  readonly #since = new SparseMap<MemberId, Millis>()

  note(member: MemberId, state: MemberState | undefined, now: Millis): void {
    this.sinceOf(member, state, now)
  }

  /** `now` for a member that is there. */
  sinceOf(member: MemberId, state: MemberState | undefined, now: Millis): Millis {
    if (isPresent(state)) {
      this.#since.delete(member)
      return now
    }
    const since = this.#since.get(member) ?? now
    this.#since.set(member, since)
    return since
  }
}

function isPresent(state: MemberState | undefined): boolean {
  return state === 'alive' || state === 'suspect'
}

const here: Fate = { type: 'here' }
const suspect: Fate = { type: 'suspect' }
const lost: Fate = { type: 'lost' }

export function fateOf(facts: FateFacts): Fate {
  if (facts.state === 'alive') return here
  if (facts.state === 'suspect') return suspect
  const until = Math.max(
    facts.missingSince + patienceMs(facts),
    facts.awayUntil ?? 0,
    returningUntil(facts),
  )
  return facts.now < until ? { type: 'away', until } : lost
}

function patienceMs({ state, lostAfterMs, unknownMemberMs }: FateFacts): Millis {
  // Who has left has stopped its tasks, or said that it is away.
  if (state === 'left') return 0
  return state === 'down' ? lostAfterMs : Math.max(lostAfterMs, unknownMemberMs)
}

/** A clock that is ahead only makes this wait longer, by as much as it is ahead. */
function returningUntil(facts: FateFacts): Millis {
  const { writtenAt, isOfLaterLife, missingSince, unknownMemberMs } = facts
  if (writtenAt === null || (writtenAt <= missingSince && !isOfLaterLife)) return 0
  return writtenAt + unknownMemberMs
}

export interface FateSources {
  readonly world: Pick<World, 'stateOf' | 'incarnationOf' | 'read'>
  readonly inventory: Pick<Inventory, 'node'>
  readonly config: Pick<Config, 'lostGraceMs' | 'unknownMemberMs'>
  readonly absences: Absences
  readonly now: Millis
}

/** The fates of members as one job sees them; each is found once, however many slots it has. */
export function fatesFor(
  lostAfter: string,
  { world, inventory, config, absences, now }: FateSources,
): (member: MemberId) => Fate {
  const lostAfterMs = durationMs(lostAfter) + config.lostGraceMs
  const { unknownMemberMs } = config
  const found = new Map<MemberId, Fate>()
  return (member) => {
    const held = found.get(member)
    if (held !== undefined) return held
    const state = world.stateOf(member)
    const missingSince = absences.sinceOf(member, state, now)
    const awayUntil = inventory.node(member)?.awayUntil ?? null
    const record = isPresent(state) ? undefined : world.read(`node/${member}`)
    const writtenAt = record === undefined ? null : millisOf(record.stamp)
    const life = record === undefined ? 0 : epochOf(record.counter)
    const isOfLaterLife = life > (world.incarnationOf(member) ?? life)
    const times = { missingSince, awayUntil, writtenAt }
    const fate = fateOf({ state, ...times, isOfLaterLife, lostAfterMs, unknownMemberMs, now })
    found.set(member, fate)
    return fate
  }
}
