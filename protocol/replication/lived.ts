/**
 * What a replica has lived through. A deletion is forgotten after `tombstoneTtlMs`, so one that was away for
 * longer may hold what everyone else has deleted and forgotten. When such a replica meets one that lived on it
 * yields: it lets go of all that others have written and that is old enough to have been deleted unseen, and
 * takes the rest from the other. What its own member says of itself it keeps, and what was written lately.
 *
 * Who lived on is told by the last long gap of each: the time for which its agent was off, and the time for
 * which it was alone. It counts only what the one has missed and the other has not, so a cluster that lost its
 * power for a week comes back with all that it had, and the last node alive is right about all who were off.
 * A newcomer takes over the history of the first that it meets, since that is where its records come from.
 *
 * Groups that were apart for that long, none of them alone, are joined with all that either has: then what one
 * has deleted may come back, which is better than to lose what the other has written. So it is for replicas
 * that never had anything in common (`origin`).
 */
import { compareText, type MemberId, type Millis } from '../base/id.ts'
import { boolean, type Infer, integer, object, optional } from '../base/schema.ts'

const moment = integer(0, Number.MAX_SAFE_INTEGER)
const interval = object({ from: moment, to: moment })

export const livedSchema = object({
  /** It has nothing in common with anybody yet. */
  isNew: optional(boolean()),
  /** Replicas that once had something in common have the same. */
  origin: moment,
  /** The last long time in which its agent was off, and in which it was there but saw nobody else. */
  off: optional(interval),
  alone: optional(interval),
})

export type Interval = Infer<typeof interval>
export type Lived = Infer<typeof livedSchema>

/** The same name, the same history. */
export function nameOf({ origin, off, alone }: Lived): string {
  return [origin, off?.from, off?.to, alone?.from].join()
}

export interface Meeting {
  readonly self: MemberId
  readonly other: MemberId
  /** What is missed in less time than this is still known to be deleted. */
  readonly patienceMs: Millis
}

/** A little shorter than the life of a tombstone: clocks differ, and the times are not noted at each moment. */
export function patienceOf(tombstoneTtlMs: Millis): Millis {
  return Math.floor((tombstoneTtlMs * 15) / 16)
}

/** Whether the replica with the history `own` lets go of what it holds for what the other holds. */
export function yieldsTo(own: Lived, other: Lived, meeting: Meeting): boolean {
  if (own.origin !== other.origin) return false
  const byOff = verdictOf(own.off, other.off, meeting)
  if (byOff !== undefined) return byOff
  const byAlone = verdictOf(own.alone, other.alone, meeting)
  if (byAlone !== undefined) return byAlone
  // Two that were alone at the same time: each missed the other.
  if (!own.alone || !other.alone || areSame(own.alone, other.alone)) return false
  return overlapMs(own.alone, other.alone) > meeting.patienceMs && isAfter(meeting)
}

/** By who missed what the other did not; of two of whom each missed a time of the other, the later one. */
function verdictOf(
  own: Interval | undefined,
  other: Interval | undefined,
  meeting: Meeting,
): boolean | undefined {
  const hasMissed = missedMs(own, other) > meeting.patienceMs
  const otherHas = missedMs(other, own) > meeting.patienceMs
  if (!hasMissed && !otherHas) return undefined
  if (hasMissed !== otherHas || !own || !other) return hasMissed
  return own.to === other.to ? isAfter(meeting) : own.to > other.to
}

function missedMs(own: Interval | undefined, other: Interval | undefined): Millis {
  if (!own || (other && areSame(own, other))) return 0
  return own.to - own.from - (other ? overlapMs(own, other) : 0)
}

function overlapMs(a: Interval, b: Interval): Millis {
  return Math.max(0, Math.min(a.to, b.to) - Math.max(a.from, b.from))
}

/** They began at the same moment: one has been taken over from the other, perhaps before it was over. */
function areSame(a: Interval, b: Interval): boolean {
  return a.from === b.from
}

function isAfter({ self, other }: Meeting): boolean {
  return compareText(self, other) > 0
}
