/**
 * Draws of what clusters see: exponential gaps between arrivals, heavy-tailed sizes and lifetimes, a load that rises
 * and falls by the day. Only + − × ÷ on doubles, which IEEE 754 fixes to the last bit: `Math.log` may differ
 * between engines, and a run must not.
 */
import type { Random } from '../../protocol/base/random.ts'
import type { Range } from '../scenario/quantity.ts'

const ln2 = Math.LN2
const wordsAll = 4294967296

/** Natural logarithm of x > 0: by powers of two to [1, 2), then 2·atanh((x−1)/(x+1)) as a series. */
export function naturalLog(x: number): number {
  let rest = x
  let powers = 0
  for (; rest >= 2; powers++) rest /= 2
  for (; rest < 1; powers--) rest *= 2
  const ratio = (rest - 1) / (rest + 1)
  let power = ratio
  let sum = 0
  // The ratio is at most 1/3: each term is a ninth of the one before, 18 of them are beyond a double.
  for (let term = 1; term <= 35; term += 2) {
    sum += power / term
    power *= ratio * ratio
  }
  return powers * ln2 + 2 * sum
}

/** Gap to the next arrival of a Poisson process, in whole units of at least 1. */
export function exponential(random: Random, mean: number): number {
  const chance = (random.uint32() + 1) / wordsAll
  return Math.max(1, Math.floor(-naturalLog(chance) * mean))
}

export function even(random: Random, { min, max }: Range): number {
  return min + random.below(max - min + 1)
}

/** Bounded Pareto of shape 1: half of the draws below 2 × min, when max is much larger. */
export function heavy(random: Random, { min, max }: Range): number {
  if (min === max) return min
  const least = Math.max(1, min)
  const chance = random.uint32() / wordsAll
  const drawn = Math.floor((least * max) / (max - chance * (max - least)))
  return min === 0 && drawn === least ? random.below(2) * least : drawn
}

export type Spread = 'even' | 'heavy'

export function drawn(random: Random, range: Range, spread: Spread): number {
  return spread === 'heavy' ? heavy(random, range) : even(random, range)
}

/** Parts per million of the peak at a moment: from `lowPpm` up to all and back, in straight lines. */
export function dayCurvePpm(atUs: number, periodUs: number, lowPpm: number): number {
  const phase = atUs % periodUs
  const half = periodUs / 2
  const height = phase < half ? phase / half : (periodUs - phase) / half
  return Math.floor(lowPpm + (1_000_000 - lowPpm) * height)
}
