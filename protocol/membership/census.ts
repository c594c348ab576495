/**
 * Who is there: the table of claims, what follows from it, and what has changed since somebody asked. A claim
 * about a dead member that is not known here is not taken in: it would be handed around for ever, each member
 * forgetting it a little after it was told to the next.
 */
import { compareText, type MemberId } from '../base/id.ts'
import { isPresent, type MemberState, type MemberUpdate, type PresenceChange } from './member.ts'
import { type Claim, type MemberTable, type SettledState, updateOf } from './member-table.ts'
import type { Neighbourhood } from './neighbourhood.ts'

export interface MemberChange {
  readonly update: MemberUpdate
  readonly previous: MemberState | null
}

/** It was not there, and is: for the first time, or again. */
export function isArrival({ update, previous }: MemberChange): boolean {
  return isPresent(update.state) && (previous === null || !isPresent(previous))
}

export class Census {
  readonly #table: MemberTable
  readonly #around: Neighbourhood
  readonly #isSuspect: (member: MemberId) => boolean
  #changes: MemberChange[] = []
  #forgotten: MemberId[] = []

  constructor(table: MemberTable, around: Neighbourhood, isSuspect: (member: MemberId) => boolean) {
    this.#table = table
    this.#around = around
    this.#isSuspect = isSuspect
  }

  adopt(other: Census): void {
    this.#table.adopt(other.#table)
    this.#around.adopt(other.#around)
  }

  get size(): number {
    return this.#table.size
  }

  get(member: MemberId): Claim | undefined {
    return this.#table.get(member)
  }

  /** What is held of the member, to tell others. */
  updateOf(member: MemberId): MemberUpdate {
    return updateOf(member, this.#table.get(member)!)
  }

  isAlive(member: MemberId): boolean {
    return this.#table.get(member)?.state === 'alive'
  }

  stateOf(member: MemberId): MemberState | undefined {
    const state = this.#table.get(member)?.state
    return state === 'alive' && this.#isSuspect(member) ? 'suspect' : state
  }

  known(): readonly MemberId[] {
    return [...this.#table.ids()].sort(compareText)
  }

  get digestWords(): { readonly high: number; readonly low: number } {
    return this.#table.digestWords
  }

  dead(): MemberId[] {
    return this.#table.dead()
  }

  get presentCount(): number {
    return this.#around.presentCount
  }

  /** Sorted; the same array until it changes. */
  present(): readonly MemberId[] {
    return this.#around.present()
  }

  /** Who came and who went since the last call. */
  takeMoves(): PresenceChange {
    return this.#around.takeMoves()
  }

  counts(): { alive: number; suspect: number; down: number; left: number } {
    const counts = { alive: 0, suspect: 0, down: 0, left: 0 }
    for (const member of this.#table.ids()) counts[this.stateOf(member)!]++
    return counts
  }

  /** Takes the claim in; false when it says nothing new. */
  hold({ member, incarnation, state: said }: MemberUpdate): boolean {
    const state: SettledState = said === 'suspect' ? 'alive' : said
    const previous = this.stateOf(member) ?? null
    if (!this.#table.apply(member, { incarnation, state })) return false
    this.#changes.push({ update: { member, incarnation, state }, previous })
    if (previous === null || isPresent(previous) !== (state === 'alive'))
      this.#around.reshape(member, state === 'alive')
    return true
  }

  /** Takes in the death of one that was not near; nobody asks for it as a change. */
  bury({ member, incarnation }: MemberUpdate): void {
    if (this.#table.apply(member, { incarnation, state: 'down' })) this.#around.loseFar(member)
  }

  /** A suspicion began, or ended well. */
  noteDoubt(member: MemberId, isSuspect: boolean): void {
    const incarnation = this.#table.get(member)?.incarnation ?? 0
    const [state, previous] = isSuspect
      ? (['suspect', 'alive'] as const)
      : (['alive', 'suspect'] as const)
    this.#changes.push({ update: { member, incarnation, state }, previous })
  }

  forget(member: MemberId): void {
    this.#table.forget(member)
    this.#forgotten.push(member)
  }

  get hasNews(): boolean {
    return this.#changes.length > 0 || this.#forgotten.length > 0
  }

  takeChanges(): MemberChange[] {
    const changes = this.#changes
    if (changes.length > 0) this.#changes = []
    return changes
  }

  takeForgotten(): MemberId[] {
    const forgotten = this.#forgotten
    if (forgotten.length > 0) this.#forgotten = []
    return forgotten
  }
}
