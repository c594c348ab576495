/**
 * Members that are dead or have left: sought now and then, and forgotten in the end. Nobody keeps a link to the dead,
 * so after a long partition only this finds the other half again: whoever is there after all learns what is held of
 * it, and comes back. The whole cluster seeks each of the lost about twice in an interval, whatever its size: members
 * take turns, and know when theirs is without waking up for the others'.
 */
import { Deadlines, earlier } from '../base/deadline.ts'
import { hashText } from '../base/hash.ts'
import type { MemberId, Millis } from '../base/id.ts'
import type { Random } from '../base/random.ts'
import type { Config } from '../config.ts'
import type { EffectSink } from '../effect.ts'
import type { Census } from './census.ts'

/** Of the hash of a member by which it knows its turns. */
export const seekSalt = 0x6c6f7374

export interface LostInit {
  readonly config: Pick<Config, 'lostGreetingIntervalMs' | 'memberRetentionMs'>
  readonly self: MemberId
  readonly random: Random
  readonly census: Census
  readonly greet: (member: MemberId, out: EffectSink) => void
  readonly onForgotten: (member: MemberId) => void
}

export class Lost {
  readonly #init: LostInit
  readonly #mark: number
  readonly #forgetAt = new Deadlines()
  /** When one of them is sought next. */
  #seekAt: Millis | undefined

  constructor(init: LostInit) {
    this.#init = init
    this.#mark = hashText(init.self, seekSalt)
  }

  get seekAt(): Millis | undefined {
    return this.#seekAt
  }

  get forgetAt(): Millis | undefined {
    return this.#forgetAt.next()
  }

  add(member: MemberId, now: Millis): void {
    this.#forgetAt.set(member, now + this.#init.config.memberRetentionMs)
    this.#seekAt = this.#nextSeekAt(now)
  }

  #nextSeekAt(now: Millis): Millis | undefined {
    const { census, config } = this.#init
    const present = census.presentCount
    const lost = census.size - present
    if (lost === 0) return undefined
    return turnToSeek(this.#mark, { present, lost }, config.lostGreetingIntervalMs, now)
  }

  deadline(): Millis | undefined {
    return earlier(this.#seekAt, this.#forgetAt.next())
  }

  onDeadlines(now: Millis, out: EffectSink): void {
    if (this.#seekAt !== undefined && this.#seekAt <= now) this.#seek(now, out)
    for (const member of this.#forgetAt.due(now)) this.#forget(member)
  }

  /** One of those that did not leave of their own accord. */
  #seek(now: Millis, out: EffectSink): void {
    const { census, random, greet } = this.#init
    this.#seekAt = this.#nextSeekAt(now)
    const dead = census.dead().filter((member) => census.stateOf(member) === 'down')
    const to = random.pick(dead)
    if (to !== undefined) greet(to, out)
  }

  #forget(member: MemberId): void {
    const { census, onForgotten } = this.#init
    if (census.isAlive(member)) return
    census.forget(member)
    onForgotten(member)
  }
}

/** The next turn after `now` of the member with that hash; an interval of the clock is a turn, the same for all. */
export function turnToSeek(
  mark: number,
  { present, lost }: { present: number; lost: number },
  intervalMs: Millis,
  now: Millis,
): Millis {
  const every = Math.max(1, Math.floor(present / (2 * lost)))
  const next = Math.floor(now / intervalMs) + 1
  const late = (((mark - next) % every) + every) % every
  return (next + late) * intervalMs + (mark % intervalMs)
}
