/**
 * Hashes of 64 bits on their way between replicas: packed eight bytes each, big-endian, and as text of sixteen
 * hexadecimal digits, to be compared and to be members of sets. The hashes of a node's children go with a
 * mask that leaves out the empty ones: near the bottom of the tree a fifth of them.
 */
import { hashName, hashWords } from '../base/hash.ts'

export const hashBytes = 8
export const fanOut = 16

export function packNames(names: Iterable<string>): Uint8Array {
  const list = [...names]
  const bytes = new Uint8Array(hashBytes * list.length)
  for (const [i, name] of list.entries()) {
    const { high, low } = hashWords(name)
    writeWord(bytes, hashBytes * i, high)
    writeWord(bytes, hashBytes * i + 4, low)
  }
  return bytes
}

/** A broken last hash is ignored. */
export function unpackNames(bytes: Uint8Array): string[] {
  const names: string[] = []
  for (let at = 0; at + hashBytes <= bytes.length; at += hashBytes)
    names.push(hashName(wordAt(bytes, at), wordAt(bytes, at + 4)))
  return names
}

/** The hashes of 16 children: two bytes that say which are not empty, then those. */
export function packChildren(words: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(2 + fanOut * hashBytes)
  let end = 2
  for (let digit = 0; digit < fanOut; digit++) {
    const [high, low] = [words[2 * digit]!, words[2 * digit + 1]!]
    if (high === 0 && low === 0) continue
    bytes[digit >> 3]! |= 1 << (digit & 7)
    writeWord(bytes, end, high)
    writeWord(bytes, end + 4, low)
    end += hashBytes
  }
  return bytes.slice(0, end)
}

/** What is missing in a broken list counts as empty. */
export function unpackChildren(bytes: Uint8Array): Uint32Array {
  const words = new Uint32Array(2 * fanOut)
  let at = 2
  for (let digit = 0; digit < fanOut && at + hashBytes <= bytes.length; digit++) {
    if ((bytes[digit >> 3]! & (1 << (digit & 7))) === 0) continue
    words[2 * digit] = wordAt(bytes, at)
    words[2 * digit + 1] = wordAt(bytes, at + 4)
    at += hashBytes
  }
  return words
}

function wordAt(bytes: Uint8Array, at: number): number {
  const [a, b, c, d] = [bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!]
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
}

function writeWord(bytes: Uint8Array, at: number, word: number): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = word >>> (24 - 8 * i)
}
