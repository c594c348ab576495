/**
 * What is held of each member: the greatest claim, and nothing of the way to it. The digest is a sum of hashes, so
 * it is the same however the claims came. Behind an interface, because a simulator of 10,000 members cannot
 * give each a table of its own.
 */
import { hashText, hex32, mix32 } from '../base/hash.ts'
import type { MemberId } from '../base/id.ts'
import { limits } from '../limits.ts'
import { type MemberState, type MemberUpdate, supersedes } from './member.ts'

/** Suspicion is its observers' own affair and not part of the claim. */
export type SettledState = Exclude<MemberState, 'suspect'>

export interface Claim {
  readonly incarnation: number
  readonly state: SettledState
}

export interface MemberTable {
  readonly size: number
  get(member: MemberId): Claim | undefined
  /** False when what is held is not superseded, or the table is full. */
  apply(member: MemberId, claim: Claim): boolean
  forget(member: MemberId): void
  ids(): Iterable<MemberId>
  /** 16 hexadecimal digits, equal where the same members are alive under the same incarnations. */
  digest(): string
}

export class DenseMemberTable implements MemberTable {
  readonly #claims = new Map<MemberId, Claim>()
  #high = 0
  #low = 0

  get size(): number {
    return this.#claims.size
  }

  get(member: MemberId): Claim | undefined {
    return this.#claims.get(member)
  }

  apply(member: MemberId, claim: Claim): boolean {
    const held = this.#claims.get(member)
    if (held !== undefined && !supersedes(claim, held)) return false
    if (held === undefined && this.#claims.size >= limits.members) return false
    if (held?.state === 'alive') this.#count(member, held, -1)
    if (claim.state === 'alive') this.#count(member, claim, 1)
    this.#claims.set(member, { incarnation: claim.incarnation, state: claim.state })
    return true
  }

  forget(member: MemberId): void {
    const held = this.#claims.get(member)
    if (held?.state === 'alive') this.#count(member, held, -1)
    this.#claims.delete(member)
  }

  ids(): Iterable<MemberId> {
    return this.#claims.keys()
  }

  digest(): string {
    return hex32(this.#high) + hex32(this.#low)
  }

  #count(member: MemberId, claim: Claim, sign: 1 | -1): void {
    const mark = mix32(claim.incarnation | 0)
    this.#high = (this.#high + sign * hashText(member, mark)) | 0
    this.#low = (this.#low + sign * hashText(member, ~mark)) | 0
  }
}

export function updateOf(member: MemberId, { incarnation, state }: Claim): MemberUpdate {
  return { member, incarnation, state }
}
