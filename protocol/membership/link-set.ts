/** The members that are linked now, and their sorted list while it does not change. */
import { compareText, type MemberId } from '../base/id.ts'

export class LinkSet {
  readonly #members = new Set<MemberId>()
  #list: readonly MemberId[] | undefined

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

  list(): readonly MemberId[] {
    this.#list ??= [...this.#members].sort(compareText)
    return this.#list
  }
}
