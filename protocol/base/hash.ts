/**
 * Hashes that every member computes alike: MurmurHash3's mixing on 32-bit integers. They place keys on
 * rings and fingerprint the replicated state. They resist accidents, not adversaries: whoever holds the
 * cluster key could make two records collide.
 */

/** MurmurHash3 fmix32: a bijection of 32-bit integers with full avalanche. */
export function mix32(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** 32-bit hash of a text's UTF-16 code units (MurmurHash3 rounds, one unit each). */
export function hashText(text: string, seed = 0): number {
  let h = seed | 0
  for (let i = 0; i < text.length; i++) {
    let k = Math.imul(text.charCodeAt(i), 0xcc9e2d51)
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593)
    h ^= k
    h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
  }
  return mix32(h ^ text.length)
}

/** Sixteen hexadecimal digits: two independent 32-bit hashes, for names that people see. */
export function fingerprint(text: string): string {
  return hashName(hashText(text, 0x2545f491), hashText(text, 0x5bd1e995))
}

const nameLength = 16

/** A hash of 64 bits as text. */
export function hashName(high: number, low: number): string {
  return hex32(high) + hex32(low)
}

/** The halves of a hash, by its name; not numbers, which nothing equals, where it is none. */
export function hashWords(name: string): { readonly high: number; readonly low: number } {
  if (name.length !== nameLength) return { high: Number.NaN, low: Number.NaN }
  return { high: Number.parseInt(name.slice(0, 8), 16), low: Number.parseInt(name.slice(8), 16) }
}

export function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0')
}
