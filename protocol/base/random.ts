/**
 * Seeded random numbers: sfc32 (Chris Doty-Humphrey, PractRand). Four words of state, passes
 * PractRand, and integer only, so every engine draws the same sequence.
 */
export class Random {
  /** From `at` on: three that are mixed, and a counter from 1. */
  readonly #words: Int32Array
  readonly #at: number

  /** `words`: where its state is, four from `at` on; begun already where they are not zero. */
  constructor(seed: number, words: Int32Array = new Int32Array(4), at = 0) {
    this.#words = words
    this.#at = at
    if (words[at + 3] !== 0) return
    words[at] = seed
    words[at + 1] = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b)
    words[at + 2] = Math.imul(seed ^ 0x7f4a7c15, 0xc2b2ae35)
    words[at + 3] = 1
    for (let i = 0; i < 12; i++) this.uint32()
  }

  uint32(): number {
    const words = this.#words
    const at = this.#at
    const [a, b, c] = [words[at]!, words[at + 1]!, words[at + 2]!]
    const t = (((a + b) | 0) + words[at + 3]!) | 0
    words[at + 3]!++
    words[at] = b ^ (b >>> 9)
    words[at + 1] = c + (c << 3)
    words[at + 2] = ((c << 21) | (c >>> 11)) + t
    return t >>> 0
  }

  /** An integer of [0, bound). The bias of the multiply-shift is below bound / 2^32. */
  below(bound: number): number {
    return Math.floor((this.uint32() / 4294967296) * bound)
  }

  /** True in `numerator` of `denominator` draws. */
  chance(numerator: number, denominator: number): boolean {
    return this.below(denominator) < numerator
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)]
  }

  /** Fisher–Yates, in place. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) swap(items, i, this.below(i + 1))
    return items
  }

  /** So many of them, or all, in an order of chance; the items are left in another order. */
  sample<T>(items: T[], count: number): T[] {
    const end = Math.min(count, items.length)
    for (let i = 0; i < end; i++) swap(items, i, i + this.below(items.length - i))
    return items.slice(0, end)
  }

  /** `length` hexadecimal digits. */
  hex(length: number): string {
    let text = ''
    while (text.length < length) text += this.uint32().toString(16).padStart(8, '0')
    return text.slice(0, length)
  }
}

function swap<T>(items: T[], i: number, j: number): void {
  const held = items[i]!
  items[i] = items[j]!
  items[j] = held
}
