/**
 * What is held of each member: the greatest claim, and nothing of the way to it. The digest is a sum of hashes, so
 * it is the same however the claims came. In a simulator of 10,000 members the maps beneath share what is equal.
 */

import { type BigMap, type BigMaps, plainMaps } from '../base/big-map.ts'
import { hashName, hashText, mix32 } from '../base/hash.ts'
import { compareText, type MemberId } from '../base/id.ts'
import { SparseSet } from '../base/sparse.ts'
import { limits } from '../limits.ts'
import { type MemberState, type MemberUpdate, supersedes } from './member.ts'

/** Suspicion is its observers' own affair and not part of the claim. */
export type SettledState = Exclude<MemberState, 'suspect'>

export interface Claim {
  readonly incarnation: number
  readonly state: SettledState
}

export class MemberTable {
  readonly #maps: BigMaps
  #claims: BigMap<Claim>
  /** Those that are down or have left: few, and asked for often. */
  readonly #dead = new SparseSet<MemberId>()
  #high = 0
  #low = 0

  constructor(maps: BigMaps = plainMaps) {
    this.#maps = maps
    this.#claims = maps.create<Claim>('claims')
  }

  /** Begins with what another table holds. */
  adopt(other: MemberTable): void {
    this.#claims = this.#maps.copy(other.#claims)
    this.#dead.clear()
    for (const member of other.#dead) this.#dead.add(member)
    this.#high = other.#high
    this.#low = other.#low
  }

  get size(): number {
    return this.#claims.size
  }

  get(member: MemberId): Claim | undefined {
    return this.#claims.get(member)
  }

  /** False when what is held is not superseded, or the table is full. */
  apply(member: MemberId, claim: Claim): boolean {
    const held = this.#claims.get(member)
    if (held !== undefined && !supersedes(claim, held)) return false
    if (held === undefined && this.#claims.size >= limits.members) return false
    if (held?.state === 'alive') this.#count(member, held, -1)
    if (claim.state === 'alive') this.#count(member, claim, 1)
    if (claim.state === 'alive') this.#dead.delete(member)
    else this.#dead.add(member)
    this.#claims.set(member, claimOf(claim.incarnation, claim.state))
    return true
  }

  forget(member: MemberId): void {
    const held = this.#claims.get(member)
    if (held?.state === 'alive') this.#count(member, held, -1)
    this.#claims.delete(member)
    this.#dead.delete(member)
  }

  /** Not alive; sorted. */
  dead(): MemberId[] {
    return [...this.#dead].sort(compareText)
  }

  ids(): Iterable<MemberId> {
    return this.#claims.keys()
  }

  /** The two halves of the digest, as numbers. */
  get digestWords(): { readonly high: number; readonly low: number } {
    return { high: this.#high >>> 0, low: this.#low >>> 0 }
  }

  /** 16 hexadecimal digits, equal where the same members are alive under the same incarnations. */
  digest(): string {
    return hashName(this.#high, this.#low)
  }

  #count(member: MemberId, claim: Claim, sign: 1 | -1): void {
    const { high, low } = shareOf(member, claim.incarnation)
    this.#high = (this.#high + sign * high) | 0
    this.#low = (this.#low + sign * low) | 0
  }
}

/** What a living member adds to the halves of the digest. */
export function shareOf(
  member: MemberId,
  incarnation: number,
): { readonly high: number; readonly low: number } {
  const mark = mix32(incarnation | 0)
  return { high: hashText(member, mark), low: hashText(member, ~mark) }
}

/** Most claims are about one of the first lives: those are the same object everywhere. */
const usual: { readonly [state in SettledState]: (Claim | undefined)[] } = {
  alive: [],
  down: [],
  left: [],
}
const usualIncarnations = 64

function claimOf(incarnation: number, state: SettledState): Claim {
  if (incarnation >= usualIncarnations) return { incarnation, state }
  usual[state][incarnation] ??= { incarnation, state }
  return usual[state][incarnation]
}

export function updateOf(member: MemberId, { incarnation, state }: Claim): MemberUpdate {
  return { member, incarnation, state }
}
