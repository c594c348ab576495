/**
 * Tables compared and repaired: equal digests, nothing more to say; else each sends the other what it holds. Done
 * on every new link and now and then with a neighbour, because rumours and gossip are only hints.
 */
import { compareText, type MemberId } from '../base/id.ts'
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
