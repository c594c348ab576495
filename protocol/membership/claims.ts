/**
 * What is held of a member, said to somebody: to whoever doubts it under an old incarnation, and to the member
 * itself when it is held for dead and speaks, so that it raises its incarnation.
 */
import type { MemberId, Millis } from '../base/id.ts'
import type { EffectSink } from '../effect.ts'
import type { Census } from './census.ts'

/** A dead member that speaks is told so, not more often than this. */
const reminderIntervalMs = 1000

export class Claims {
  readonly #census: Census
  readonly #remindedAt = new Map<MemberId, Millis>()

  constructor(census: Census) {
    this.#census = census
  }

  tell(to: MemberId, about: MemberId, out: EffectSink): void {
    const updates = [this.#census.updateOf(about)]
    out.push({ type: 'send', to, message: { type: 'claim', updates } })
  }

  remind(member: MemberId, now: Millis, out: EffectSink): void {
    const before = this.#remindedAt.get(member) ?? Number.NEGATIVE_INFINITY
    if (now - before < reminderIntervalMs) return
    this.#remindedAt.set(member, now)
    this.tell(member, member, out)
  }

  forget(member: MemberId): void {
    this.#remindedAt.delete(member)
  }
}
