/**
 * A delay as it was measured: a table of quantiles, drawn from by linear interpolation in integers. A table keeps
 * what a formula loses: that half are quick and one in a hundred takes fifty times as long.
 */
import { invariant } from '../protocol/base/invariant.ts'
import type { Random } from '../protocol/base/random.ts'

export interface QuantileTable {
  /** In percent, from 0 to 100, ascending. */
  readonly points: readonly number[]
  /** Whole microseconds, ascending. */
  readonly us: readonly number[]
}

const whole = 1_000_000

export class Delay {
  /** Points in millionths. */
  readonly #points: Int32Array
  readonly #us: Float64Array

  constructor({ points, us }: QuantileTable) {
    invariant(points.length === us.length && points.length >= 2, 'a value for each point')
    invariant(points[0] === 0 && points.at(-1) === 100, 'from 0 to 100 %')
    this.#points = Int32Array.from(points, (point) => Math.round((point * whole) / 100))
    this.#us = Float64Array.from(us)
  }

  drawUs(random: Random): number {
    return this.at(random.below(whole))
  }

  /** The delay that so many millionths do not exceed. */
  at(millionths: number): number {
    const points = this.#points
    let i = 1
    while (points[i]! < millionths) i++
    const [low, high] = [this.#us[i - 1]!, this.#us[i]!]
    const from = points[i - 1]!
    return Math.floor(low + ((high - low) * (millionths - from)) / (points[i]! - from))
  }
}
