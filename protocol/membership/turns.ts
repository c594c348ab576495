/**
 * Whose turn it is to be probed, and when: a turn is an interval of the clock, the same for all, and the subject says
 * at what moment of it. So its observers, who take turns, probe it once an interval and never twice as long apart:
 * how soon a silent death is noticed. A moment of each observer's own would leave gaps of up to two intervals.
 */
import { hashText } from '../base/hash.ts'
import type { MemberId, Millis } from '../base/id.ts'
import type { Config } from '../config.ts'

const salt = 0x7475726e
const compareSalt = 0x636f6d70

/** Each so many turns a member compares tables with one of its subjects. */
export function compareEvery({ antiEntropyIntervalMs, probeIntervalMs }: Config): number {
  return Math.max(1, Math.floor(antiEntropyIntervalMs / probeIntervalMs))
}

/** The order of the subject with whom tables are compared in the turn; undefined in most. */
export function comparisonOf(turn: number, phase: number, every: number): number | undefined {
  return (turn + phase) % every === 0 ? (turn + phase) / every : undefined
}

export class Turns {
  readonly #intervalMs: number
  readonly #compareEvery: number
  /** The turn that is due next, and when. */
  turn = 0
  at: Millis = Number.POSITIVE_INFINITY

  /** Members of a cluster compare tables in different turns. */
  readonly comparePhase: number

  constructor(config: Config, self: MemberId) {
    this.#intervalMs = config.probeIntervalMs
    this.#compareEvery = compareEvery(config)
    this.comparePhase = hashText(self, compareSalt) % this.#compareEvery
  }

  /** With whom tables are compared in the turn that is due: one after the other, now and then. */
  compared(subjects: readonly MemberId[]): MemberId | undefined {
    const order = comparisonOf(this.turn, this.comparePhase, this.#compareEvery)
    return order === undefined ? undefined : subjects[order % subjects.length]
  }

  /** Of these, who is probed in the turn that is due. */
  subject(subjects: readonly MemberId[]): MemberId {
    return subjects[this.turn % subjects.length]!
  }

  /** To the next turn. Turns that were slept through are left out. */
  advance(subjects: readonly MemberId[], now: Millis): void {
    this.turn = Math.max(this.turn + 1, Math.floor(now / this.#intervalMs))
    this.at = this.turn * this.#intervalMs
    if (subjects.length > 0) this.at += this.phaseOf(this.subject(subjects))
  }

  /** At which moment of its turns the subject is probed. */
  phaseOf(subject: MemberId): Millis {
    return hashText(subject, salt) % this.#intervalMs
  }
}
