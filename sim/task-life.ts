/** How long a task lives when nobody stops it: `sleep N` for N seconds, everything else for ever, unless it crashes. */
import type { Random } from '../protocol/base/random.ts'
import type { TaskSpec } from '../protocol/placement/job.ts'
import { Delay } from './quantile.ts'

export interface Lifetime {
  /** Infinity when it never ends. */
  readonly untilUs: number
  readonly exitCode: number
}

const killed = 137
/** -ln(1 - p) in thousandths of the mean: an exponential distribution without logarithms. */
const exponential = new Delay({
  points: [0, 10, 25, 50, 75, 90, 95, 99, 99.9, 100],
  us: [0, 105, 288, 693, 1386, 2303, 2996, 4605, 6908, 10_000],
})

export function lifetimeUs(task: TaskSpec, crashMeanUs: number, random: Random): Lifetime {
  const planned = sleepUs(task.process?.command ?? task.docker?.args ?? [])
  if (crashMeanUs === 0) return { untilUs: planned, exitCode: 0 }
  const crash = Math.max(1, Math.floor((exponential.drawUs(random) * crashMeanUs) / 1000))
  return crash < planned ? { untilUs: crash, exitCode: killed } : { untilUs: planned, exitCode: 0 }
}

function sleepUs(command: readonly string[]): number {
  const [program, seconds = ''] = command
  if (program !== 'sleep' || !/^[0-9]{1,9}(\.[0-9]{1,3})?$/.test(seconds))
    return Number.POSITIVE_INFINITY
  return Math.max(1, Math.round(Number(seconds) * 1_000_000))
}
