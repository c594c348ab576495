/**
 * Tables compared and repaired: equal digests, nothing more to say; else each sends the other what it holds. Done
 * on every new link and now and then with a neighbour, because rumours and gossip are only hints.
 */
import { compareText, type MemberId } from '../base/id.ts'
import type { Random } from '../base/random.ts'
import type { EffectSink } from '../effect.ts'
import { limits } from '../limits.ts'
import { type MemberTable, updateOf } from './member-table.ts'
import type { MemberTableMessage } from './message.ts'

export class TableExchange {
  readonly #table: MemberTable

  constructor(table: MemberTable) {
    this.#table = table
  }

  greet(to: MemberId, incarnation: number, out: EffectSink): void {
    const digest = this.#table.digest()
    const isNew = this.#table.size <= 1
    out.push({ type: 'send', to, message: { type: 'join', incarnation, digest, isNew } })
  }

  /**
   * Nobody keeps a link to the dead, so after a long partition only this finds the other half again: whoever
   * is there after all learns what is held of it, and comes back. The whole cluster tries each of the lost
   * about twice in an interval, whatever its size.
   */
  greetLost(present: number, random: Random, incarnation: number, out: EffectSink): void {
    if (this.#table.size === present) return
    const lost = this.#table.dead().filter((id) => this.#table.get(id)!.state === 'down')
    if (!random.chance(Math.min(2 * lost.length, present), present)) return
    const to = random.pick(lost)
    if (to !== undefined) this.greet(to, incarnation, out)
  }

  onJoin(from: MemberId, digest: string, out: EffectSink): void {
    if (digest !== this.#table.digest()) this.#send(from, false, out)
  }

  /** Its updates have been applied: what the sender lacks goes back, once. */
  onTable(from: MemberId, message: MemberTableMessage, out: EffectSink): void {
    if (message.isLast && !message.isAnswer && message.digest !== this.#table.digest())
      this.#send(from, true, out)
  }

  #send(to: MemberId, isAnswer: boolean, out: EffectSink): void {
    const members = [...this.#table.ids()].sort(compareText)
    const updates = members.map((member) => updateOf(member, this.#table.get(member)!))
    const digest = this.#table.digest()
    for (let i = 0; i < updates.length; i += limits.updatesPerMessage) {
      const part = updates.slice(i, i + limits.updatesPerMessage)
      const isLast = i + limits.updatesPerMessage >= updates.length
      const message = { type: 'member-table', updates: part, digest, isLast, isAnswer } as const
      out.push({ type: 'send', to, message })
    }
  }
}
