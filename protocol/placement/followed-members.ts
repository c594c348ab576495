/** The members that a steward counts on: those that are present, as of its last look at the membership. */
import type { PresenceChange } from '../membership/member.ts'
import { isAlone } from './claims.ts'
import type { Inventory } from './inventory.ts'
import type { World } from './world.ts'

export interface Followed extends PresenceChange {
  /** We have only just met others, or come to where there are others. */
  readonly hasCome: boolean
}

export class FollowedMembers {
  readonly #world: World
  readonly #inventory: Inventory
  #hasBegun = false

  constructor(world: World, inventory: Inventory) {
    this.#world = world
    this.#inventory = inventory
  }

  adopt(other: FollowedMembers): void {
    this.#hasBegun = other.#hasBegun
  }

  /** What has changed since the last look; undefined where nothing has. The first one is a change. */
  look(): Followed | undefined {
    const { came, gone } = this.#world.takeMoves()
    if (this.#hasBegun && came.length + gone.length === 0) return undefined
    const present = this.#world.presentCount()
    const before = present - came.length + gone.length
    const hasCome = this.#hasBegun ? before <= 1 && present > 1 : !this.isAlone()
    this.#hasBegun = true
    return { came, gone, hasCome }
  }

  /** What has changed is known already. */
  skip(): void {
    this.#hasBegun = true
    this.#world.takeMoves()
  }

  /** Nobody else is here, and no record speaks of anybody else: there is nothing to wait for. */
  isAlone(): boolean {
    const { self } = this.#world
    return isAlone(this.#world) && this.#inventory.nodeIds().every((member) => member === self)
  }
}
