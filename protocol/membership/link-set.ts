/** The members that are linked now, and their sorted list while it does not change. */
import { compareText, type MemberId } from '../base/id.ts'

interface Comparison {
  readonly list: readonly MemberId[]
  readonly members: readonly MemberId[]
  readonly result: boolean
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
    this.#list = undefined
  }

  /** False when it was not linked. */
  delete(member: MemberId): boolean {
    this.#list = undefined
    return this.#members.delete(member)
  }

  /** `members`: the same array until they change. */
  areAmong(members: readonly MemberId[]): boolean {
    const list = this.list()
    if (this.#compared?.list !== list || this.#compared.members !== members) {
      const result = list.every((member) => members.includes(member))
      this.#compared = { list, members, result }
    }
    return this.#compared.result
  }

  list(): readonly MemberId[] {
    this.#list ??= [...this.#members].sort(compareText)
    return this.#list
  }
}
