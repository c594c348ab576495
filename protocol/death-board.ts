/**
 * What is found out about a death once, for all simulated members that hold the same records and know the same members;
 * and of each calm member the deaths that it has yet to work in (distant-deaths.ts). Both lie beside the members' rows
 * (membership/pulse.ts), so that a death far away touches nothing else of a member.
 */
import { hashText } from './base/hash.ts'
import type { MemberId, Millis } from './base/id.ts'
import { grown } from './base/typed.ts'
import type { Config } from './config.ts'
import type { Notification } from './effect.ts'
import { limits } from './limits.ts'
import { journalDelayMs } from './member-journal.ts'
import { seekSalt, turnToSeek } from './membership/lost.ts'
import type { MemberUpdate, PastUpdate } from './membership/member.ts'
import { type PulseTable, word } from './membership/pulse.ts'
import { greetsFrom } from './membership/table-exchange.ts'
import type { Broadcast } from './message.ts'

export interface DistantDeath {
  readonly update: MemberUpdate
  /** The rows of whoever would have to do anything, and of the member itself. */
  readonly concerned: ReadonlySet<number>
  /** What becomes less of the halves of the table's digest. */
  readonly share: { readonly high: number; readonly low: number }
  /** Members that are left. */
  readonly present: number
  readonly notification: Notification
}

/** The death of one member, and nothing else. Several at once are rare, and go the ordinary way. */
export function deathIn({ updates, records, availability }: Broadcast): MemberUpdate | undefined {
  if (updates.length !== 1 || records.length > 0 || availability !== undefined) return undefined
  return updates[0]!.state === 'down' ? updates[0] : undefined
}

/** The words of a row that tell what its member knows: its records' root, and the digest of its table. */
const known = [word.rootHigh, word.rootLow, word.digestHigh, word.digestLow] as const

interface Entry {
  readonly known: readonly number[]
  readonly death: DistantDeath | null
}

interface Waiting extends PastUpdate {
  /** What the row had waiting before. */
  readonly before: Waiting | undefined
}

export interface DeathBoardInit {
  readonly config: Pick<Config, 'lostGreetingIntervalMs'>
  readonly table: PulseTable
  readonly rowOf: (member: MemberId) => number | undefined
}

export class DeathBoard {
  readonly rowOf: DeathBoardInit['rowOf']
  readonly #table: PulseTable
  readonly #seekIntervalMs: Millis
  readonly #entries = new Map<Broadcast, Entry[]>()
  /** Of each row: the death that came last. Its journal is due within seconds, so they are few. */
  readonly #waiting: (Waiting | undefined)[] = []
  /** Of each row: 1 where its member waits for nobody, and has no link but to neighbours. */
  #isFree = new Uint8Array(64)
  #seekMarks = new Uint32Array(64)

  constructor({ config, table, rowOf }: DeathBoardInit) {
    this.rowOf = rowOf
    this.#table = table
    this.#seekIntervalMs = config.lostGreetingIntervalMs
  }

  /** The row is another life's. */
  begin(row: number, self: MemberId): void {
    if (row >= this.#isFree.length) {
      this.#isFree = grown(this.#isFree, 2 * row)
      this.#seekMarks = grown(this.#seekMarks, 2 * row)
    }
    this.#isFree[row] = 0
    this.#seekMarks[row] = hashText(self, seekSalt)
    this.#waiting[row] = undefined
  }

  setFree(row: number, isFree: boolean): void {
    this.#isFree[row] = isFree ? 1 : 0
  }

  /** Of a calm row whose member is free; undefined where that one has to look at it itself. */
  findFor(row: number, broadcast: Broadcast): DistantDeath | undefined {
    if (this.#isFree[row] !== 1 || deathIn(broadcast) === undefined) return undefined
    const death = this.find(row, broadcast)
    return death?.concerned.has(row) ? undefined : (death ?? undefined)
  }

  /** Undefined where nobody that knows the same has looked at it yet; null: it goes the ordinary way. */
  find(row: number, broadcast: Broadcast): DistantDeath | null | undefined {
    const entries = this.#entries.get(broadcast)
    if (entries === undefined) return undefined
    for (const entry of entries) if (this.#isOf(row, entry)) return entry.death
    return undefined
  }

  post(row: number, broadcast: Broadcast, death: DistantDeath | null): void {
    let entries = this.#entries.get(broadcast)
    if (entries === undefined) {
      entries = []
      for (const old of this.#entries.keys()) {
        if (this.#entries.size < limits.deathsOnBoard) break
        this.#entries.delete(old)
      }
      this.#entries.set(broadcast, entries)
    }
    if (entries.length < limits.statesOnBoard)
      entries.push({ known: known.map((name) => this.#word(row, name)), death })
  }

  /** The row says what the death makes of its member; the member works it in later. */
  put(row: number, { update, share, present }: DistantDeath, now: Millis): void {
    this.#waiting[row] = { update, at: now, before: this.#waiting[row] }
    // How many are lost is not the same to all that know the same members: newcomers have not heard of them.
    const lost = this.#word(row, word.lost) + 1
    const mark = this.#seekMarks[row]!
    this.#table.noteDeath(row, {
      share,
      greetsFrom: greetsFrom(present + lost, now),
      seekAt: turnToSeek(mark, { present, lost }, this.#seekIntervalMs, now),
      journaledAt: now + journalDelayMs,
    })
  }

  isWaiting(row: number): boolean {
    return this.#waiting[row] !== undefined
  }

  /** In the order in which they came. */
  waiting(row: number): readonly PastUpdate[] {
    const found: PastUpdate[] = []
    for (let each = this.#waiting[row]; each !== undefined; each = each.before) found.push(each)
    return found.reverse()
  }

  take(row: number): readonly PastUpdate[] {
    const taken = this.waiting(row)
    this.#waiting[row] = undefined
    return taken
  }

  #isOf(row: number, { known: of }: Entry): boolean {
    for (let i = 0; i < known.length; i++) if (of[i] !== this.#word(row, known[i]!)) return false
    return true
  }

  #word(row: number, name: number): number {
    return this.#table.words[row * this.#table.stride + name]!
  }
}
