/** How a recording describes what was measured: quantiles in whole microseconds, and the machine it was on. */
import { cpus, loadavg, release, totalmem } from 'node:os'
import { percentile } from '../benchmark/figure.ts'

/** In percent; the ends matter for tails, so they are denser there. */
export const quantilePoints = [0, 5, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 100] as const

export interface Quantiles {
  readonly samples: number
  /** One value for each of `points`. */
  readonly points: readonly number[]
  readonly us: readonly number[]
}

export function quantiles(us: readonly number[]): Quantiles {
  return {
    samples: us.length,
    points: quantilePoints,
    us: quantilePoints.map((point) => Math.round(percentile(us, point))),
  }
}

export function machine() {
  const model = cpus()[0]?.model.replace(/\s+/g, ' ').trim() ?? ''
  return {
    cores: cpus().length,
    cpu: model,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
    node: process.version,
    loadBefore: Math.round(loadavg()[0]! * 100) / 100,
    recordedAt: new Date().toISOString(),
  }
}
