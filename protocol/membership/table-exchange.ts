/**
 * Tables compared and repaired: equal digests, nothing more to say; else each sends the other what it holds. Done
 * on every new link and now and then with a neighbour, because rumours and gossip are only hints.
 */
import { Deadlines } from '../base/deadline.ts'
import { compareText, type MemberId, type Millis } from '../base/id.ts'
import type { EffectSink } from '../effect.ts'
import { limits } from '../limits.ts'
import { type MemberTable, updateOf } from './member-table.ts'
import type { Join, MemberTableMessage } from './message.ts'

/** A broadcast is everywhere within a third of it. */
const settleMs = 1000

export interface TableExchangeInit {
  readonly table: MemberTable
  readonly isLinked: (member: MemberId) => boolean
  readonly incarnation: () => number
}

export class TableExchange {
  readonly #table: MemberTable
  readonly #init: TableExchangeInit
  /** Of members to be greeted. */
  readonly #deadlines = new Deadlines()
  #changedAt: Millis = Number.NEGATIVE_INFINITY

  constructor(init: TableExchangeInit) {
    this.#init = init
    this.#table = init.table
  }

  noteChange(now: Millis): void {
    this.#changedAt = now
  }

  /**
   * Until then nobody is greeted: what has just changed here is on its way to the others, too. At each death dozens of
   * members told each other all of their tables: of thousands, that is much.
   */
  get greetsFrom(): Millis {
    return greetsFrom(this.#table.size, this.#changedAt)
  }

  greet(to: MemberId, out: EffectSink): void {
    const digest = this.#table.digest()
    const isNew = this.#table.size <= 1
    const incarnation = this.#init.incarnation()
    out.push({ type: 'send', to, message: { type: 'join', incarnation, digest, isNew } })
  }

  /** Gossip is a hint: now and then two neighbours see whether they hold the same. */
  compare(to: MemberId, now: Millis, out: EffectSink): void {
    if (now >= this.greetsFrom) this.#greetLinked(to, out)
  }

  /** On a new link, or where the other's digest is another. */
  greetSoon(to: MemberId, now: Millis, out: EffectSink): void {
    if (now >= this.greetsFrom) this.#greetLinked(to, out)
    else this.#deadlines.setEarliest(to, now + settleMs)
  }

  onJoin(from: MemberId, { digest, isNew }: Join, now: Millis, out: EffectSink): void {
    if (digest === this.#table.digest()) return
    // What the greeting itself has changed is no news to its sender.
    if (isNew || this.#changedAt === now || now >= this.greetsFrom) this.#send(from, false, out)
    else this.greetSoon(from, now, out)
  }

  deadline(): Millis | undefined {
    return this.#deadlines.next()
  }

  onDeadlines(now: Millis, out: EffectSink): void {
    for (const to of this.#deadlines.due(now)) this.#greetLinked(to, out)
  }

  #greetLinked(to: MemberId, out: EffectSink): void {
    if (this.#init.isLinked(to)) this.greet(to, out)
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

/** Of a table of that size which changed last then. */
export function greetsFrom(size: number, changedAt: Millis): Millis {
  return size > limits.updatesPerMessage ? changedAt + settleMs : 0
}
