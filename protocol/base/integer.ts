/**
 * Integer maths in place of `Math.log` and friends, whose last bits ECMAScript leaves to the engine: two
 * members with different engines must still agree.
 */

export function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(value, high))
}

/** ⌈log2 n⌉ of an integer n ≥ 1. */
export function log2Ceil(n: number): number {
  return n <= 1 ? 0 : 32 - Math.clz32(n - 1)
}

/** ⌊a·b / c⌋ for products below 2^53. */
export function mulDiv(a: number, b: number, c: number): number {
  return Math.floor((a * b) / c)
}
