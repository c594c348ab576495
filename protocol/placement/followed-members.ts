/** The members that a steward counts on: those that are present, as of its last look at the membership. */
import type { MemberId } from '../base/id.ts'
import type { Inventory } from './inventory.ts'
import { type MemberDifference, memberDifference } from './member-difference.ts'
import type { World } from './world.ts'

export interface Followed extends MemberDifference {
  /** We have only just met others, or come to where there are others. */
  readonly hasCome: boolean
}

export class FollowedMembers {
  readonly #world: World
  readonly #inventory: Inventory
  #present: readonly MemberId[] = []
  #hasBegun = false

  constructor(world: World, inventory: Inventory) {
    this.#world = world
    this.#inventory = inventory
  }

  adopt(other: FollowedMembers): void {
    this.#present = other.#present
    this.#hasBegun = other.#hasBegun
  }

  /** What has changed since the last look; undefined where nothing has. The first one is a change. */
  look(): Followed | undefined {
    const present = this.#world.present()
    const before = this.#present
    if (present === before && this.#hasBegun) return undefined
    const hasCome = this.#hasBegun ? before.length <= 1 && present.length > 1 : !this.isAlone()
    this.skip()
    return { ...memberDifference(before, present), hasCome }
  }

  /** What has changed is known already. */
  skip(): void {
    this.#hasBegun = true
    this.#present = this.#world.present()
  }

  /** Nobody else is here, and no record speaks of anybody else: there is nothing to wait for. */
  isAlone(): boolean {
    const { self } = this.#world
    if (this.#world.present().some((member) => member !== self)) return false
    return this.#inventory.nodeIds().every((member) => member === self)
  }
}
