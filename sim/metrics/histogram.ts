/**
 * A histogram of integers with a relative error of at most 1/16, in 2.3 KiB whatever it holds: 16 buckets to a
 * power of two (the idea of HdrHistogram, without its exact part). Adding one costs a shift and an addition
 * and allocates nothing, so it can stand in the path of every message.
 */
import { metricLimits } from '../limits.ts'

const perPower = 16

export class Histogram {
  readonly #buckets = new Float64Array(metricLimits.buckets)
  count = 0
  sum = 0
  max = 0

  /** A value of 0 or more. */
  add(value: number): void {
    this.#buckets[bucketOf(value)]! += 1
    this.count++
    this.sum += value
    if (value > this.max) this.max = value
  }

  /** The upper edge of the bucket in which the share lies, never above the largest value. */
  quantile(ppm: number): number | undefined {
    if (this.count === 0) return undefined
    const rank = Math.max(1, Math.ceil((this.count * ppm) / 1_000_000))
    let seen = 0
    for (let bucket = 0; bucket < this.#buckets.length; bucket++) {
      seen += this.#buckets[bucket]!
      if (seen >= rank) return Math.min(this.max, edgeOf(bucket + 1) - 1)
    }
    return this.max
  }

  /** Buckets that hold something: [from, below, count]. */
  filled(): [number, number, number][] {
    return [...this.#buckets].flatMap((count, bucket) =>
      count === 0 ? [] : [[edgeOf(bucket), edgeOf(bucket + 1), count] as [number, number, number]],
    )
  }
}

/** Below 16 each value has its own bucket; above, the top five bits say which. */
function bucketOf(value: number): number {
  if (value < perPower) return value | 0
  // Halves until it fits into 32 bits, where the engine counts leading zeros.
  let shift = 0
  let rest = value
  while (rest >= 2147483648) {
    rest /= 2
    shift++
  }
  const power = 27 - Math.clz32(rest)
  const bucket = perPower * (power + shift) + (rest >>> power)
  return Math.min(bucket, metricLimits.buckets - 1)
}

function edgeOf(bucket: number): number {
  if (bucket < 2 * perPower) return bucket
  const power = Math.floor(bucket / perPower) - 1
  return (perPower + (bucket % perPower)) * 2 ** power
}
