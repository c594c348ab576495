/** The members that are linked now, and their sorted list while it does not change. */
import { compareText, type MemberId } from '../base/id.ts'

interface Comparison {
  readonly members: readonly MemberId[]
  readonly others: readonly MemberId[]
}

export class LinkSet {
  readonly #members = new Set<MemberId>()
  #list: readonly MemberId[] | undefined
  #compared: Comparison | undefined

  has(member: MemberId): boolean {
    return this.#members.has(member)
  }

  add(member: MemberId): void {
    this.#members.add(member)
    this.#noteChange()
  }

  /** False when it was not linked. */
  delete(member: MemberId): boolean {
    this.#noteChange()
    return this.#members.delete(member)
  }

  /** Those that are not among the members, of which each is there once: the same array until they change. */
  beyond(members: readonly MemberId[]): readonly MemberId[] {
    if (this.#compared?.members !== members)
      this.#compared = { members, others: this.#others(members) }
    return this.#compared.others
  }

  #others(members: readonly MemberId[]): readonly MemberId[] {
    let among = 0
    for (const member of members) if (this.#members.has(member)) among++
    return among === this.#members.size
      ? none
      : this.list().filter((each) => !members.includes(each))
  }

  list(): readonly MemberId[] {
    this.#list ??= [...this.#members].sort(compareText)
    return this.#list
  }

  #noteChange(): void {
    this.#list = undefined
    this.#compared = undefined
  }
}

const none: readonly MemberId[] = []
