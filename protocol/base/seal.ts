/**
 * Signatures, given to the core as pure functions: Ed25519 is deterministic, so the same key and bytes give
 * the same signature in every run. The core verifies only what is new to it, after it has looked for
 * duplicates, which a check in the driver could not do.
 */
import type { MemberId } from './id.ts'

export interface Seal {
  /** Our own signature. */
  sign(bytes: Uint8Array): Uint8Array
  /** False for a wrong signature and for an author whose id is not an Ed25519 PeerId. Never throws. */
  verify(author: MemberId, bytes: Uint8Array, signature: Uint8Array): boolean
}
