/**
 * What is sampled over time, in a fixed number of bins: when they are used up, each two become one of twice the
 * length, so a run of any length fits and nobody has to know the length beforehand. Levels (how many run)
 * are averaged when bins are joined, flows (how many messages) are summed.
 */
import { metricLimits } from '../limits.ts'

export type SeriesKind = 'level' | 'flow'

export class TimeSeries {
  binUs: number
  /** Bins that hold a sample. */
  length = 0
  readonly #kinds: readonly SeriesKind[]
  readonly #values: Float64Array[]
  readonly names: readonly string[]
  /** Samples of the bin that is being filled. */
  #pending = 0
  #perBin = 1

  constructor(binUs: number, kinds: { readonly [name: string]: SeriesKind }) {
    this.binUs = binUs
    this.names = Object.keys(kinds)
    this.#kinds = Object.values(kinds)
    this.#values = this.names.map(() => new Float64Array(metricLimits.bins))
  }

  /** One sample of each, in the order of the names; always as far apart as the first bins are long. */
  add(sample: readonly number[]): void {
    if (this.#pending === 0) this.#open()
    const bin = this.length - 1
    this.#pending++
    this.#values.forEach((values, i) => {
      const value = sample[i] ?? 0
      if (this.#kinds[i] === 'flow') values[bin]! += value
      else values[bin]! += (value - values[bin]!) / this.#pending
    })
    if (this.#pending === this.#perBin) this.#pending = 0
  }

  values(name: string): number[] {
    const values = this.#values[this.names.indexOf(name)]
    return values === undefined ? [] : [...values.subarray(0, this.length)]
  }

  #open(): void {
    if (this.length === metricLimits.bins) this.#join()
    this.length++
  }

  #join(): void {
    const half = metricLimits.bins / 2
    this.#values.forEach((values, i) => {
      const share = this.#kinds[i] === 'flow' ? 1 : 0.5
      for (let bin = 0; bin < half; bin++)
        values[bin] = share * (values[2 * bin]! + values[2 * bin + 1]!)
      values.fill(0, half)
    })
    this.length = half
    this.binUs *= 2
    this.#perBin *= 2
  }
}
