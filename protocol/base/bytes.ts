/**
 * Values ⇄ canonical bytes: DAG-CBOR's rules (shortest integers, keys sorted by length then bytes, no
 * indefinite lengths, no duplicate keys), so the same value gives the same bytes on every member and can be
 * signed. What is decoded is bounded in size and depth before it is believed; a signature is always checked
 * over bytes that were encoded again, so bytes that are merely not canonical deceive nobody.
 *
 * Invariant: decoding is total. It returns undefined for whatever is not a value, and never throws.
 */
import { decode, encode, type Token, Tokenizer } from 'cborg'
import { limits } from '../limits.ts'
import { invariant } from './invariant.ts'
import type { Value } from './value.ts'

const encodeOptions = {
  typeEncoders: {
    /** Infinity and NaN have no canonical form that others accept. */
    number(value: number): null {
      invariant(Number.isFinite(value), 'a finite number')
      return null
    },
    undefined(): null {
      invariant(false, 'no undefined inside a value')
    },
  },
}

export function encodeCanonical(value: Value): Uint8Array {
  return plain(encode(value, encodeOptions))
}

export function hexOf(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

/** Whether the two are the same bytes. */
export function isSameValue(a: Value, b: Value): boolean {
  if (a === b) return true
  const [ours, theirs] = [encodeCanonical(a), encodeCanonical(b)]
  return ours.length === theirs.length && ours.every((byte, i) => byte === theirs[i])
}

/** The length of `encodeCanonical(value)`, without the bytes. */
export function canonicalLength(value: Value): number {
  if (value === null || typeof value === 'boolean') return 1
  if (typeof value === 'number') return numberLength(value)
  if (typeof value === 'string') return textLength(value)
  if (value instanceof Uint8Array) return headLength(value.length) + value.length
  let length = 0
  let items = 0
  if (Array.isArray(value)) {
    for (const item of value) length += canonicalLength(item)
    items = value.length
  } else
    for (const [key, item] of Object.entries(value)) {
      length += textLength(key) + canonicalLength(item)
      items += 1
    }
  return headLength(items) + length
}

function numberLength(value: number): number {
  if (Number.isSafeInteger(value)) return headLength(value < 0 ? -1 - value : value)
  return encodeCanonical(value).length
}

/** Of CBOR's head: the kind of an item, and its value or its length. */
function headLength(value: number): number {
  if (value < 24) return 1
  if (value < 256) return 2
  if (value < 65536) return 3
  return value < 4294967296 ? 5 : 9
}

/** In UTF-8: a pair of surrogates takes four bytes, an unpaired one the three of the replacement mark. */
function textLength(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    const isPair = unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(text.charCodeAt(i + 1))
    bytes += unit < 0x800 ? 1 : 2
    if (isPair) i += 1
  }
  return headLength(bytes) + bytes
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000
}

const decodeOptions = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
}

/** The value, or undefined when the bytes are no value, are too many, or nest too deeply. */
export function decodeCanonical(
  bytes: Uint8Array,
  bytesMax: number = limits.messageBytes,
): Value | undefined {
  if (bytes.length > bytesMax) return undefined
  try {
    return decode(bytes, {
      ...decodeOptions,
      tokenizer: new ShallowTokenizer(plain(bytes)),
    }) as Value
  } catch {
    return undefined
  }
}

/**
 * Refuses what nests deeper than `limits.valueDepth`: the decoder recurses, and half a megabyte of opening
 * brackets would otherwise exhaust its stack.
 */
class ShallowTokenizer extends Tokenizer {
  /** Items still to come of each list or map that is open. */
  readonly #open: number[] = []

  constructor(bytes: Uint8Array) {
    super(bytes, decodeOptions)
  }

  override next(): Token {
    const token = super.next()
    const open = this.#open
    const top = open.length - 1
    if (top >= 0) open[top]! -= 1
    const items = itemsOf(token)
    if (items > 0 && open.push(items) > limits.valueDepth) throw new RangeError('too deep')
    while (open.length > 0 && open[open.length - 1] === 0) open.pop()
    return token
  }
}

/** Without the platform's subclass, whose slices share memory and which no deep comparison takes for bytes. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function itemsOf(token: Token): number {
  if (token.type.name === 'array') return token.value
  if (token.type.name === 'map') return 2 * token.value
  return 0
}
