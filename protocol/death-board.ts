/** What is found out about a death once, for all members that hold the same records and know the same members. */
import type { MemberId } from './base/id.ts'
import type { Effect } from './effect.ts'
import { limits } from './limits.ts'
import type { MemberUpdate } from './membership/member.ts'
import { word } from './membership/pulse.ts'
import type { RowsDeath } from './membership/pulse-row.ts'
import type { Broadcast } from './message.ts'

export interface DistantDeath extends Pick<RowsDeath, 'share'> {
  readonly update: MemberUpdate
  /** Whoever would have to do anything, and the member itself. */
  readonly concerned: ReadonlySet<MemberId>
  /** Members that are left. */
  readonly present: number
  readonly notice: Effect
}

/** The words of a row that tell what its member knows: its records' root, and the digest of its table. */
const known = [word.rootHigh, word.rootLow, word.digestHigh, word.digestLow] as const

interface Row {
  get(name: number): number
}

interface Entry {
  readonly known: readonly number[]
  readonly death: DistantDeath | null
}

export class DeathBoard {
  readonly #entries = new Map<Broadcast, Entry[]>()

  /** Undefined where nobody that knows the same has looked at it yet; null: it goes the ordinary way. */
  find(broadcast: Broadcast, row: Row): DistantDeath | null | undefined {
    const entries = this.#entries.get(broadcast)
    if (entries === undefined) return undefined
    for (const entry of entries) if (isOf(entry, row)) return entry.death
    return undefined
  }

  post(broadcast: Broadcast, row: Row, death: DistantDeath | null): void {
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
      entries.push({ known: known.map((name) => row.get(name)), death })
  }
}

function isOf({ known: of }: Entry, row: Row): boolean {
  for (let i = 0; i < known.length; i++) if (of[i] !== row.get(known[i]!)) return false
  return true
}
