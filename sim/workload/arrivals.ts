/**
 * Arrivals over time: a Poisson process, thinned where the load has a day curve (Lewis and Shedler: draw at the
 * peak's rate, keep each with the share that the curve has then).
 */
import type { Random } from '../../protocol/base/random.ts'
import { durationUs, sharePpm } from '../scenario/quantity.ts'
import type { ArrivalsShape } from '../scenario/workload-shape.ts'
import { dayCurvePpm, exponential } from './distribution.ts'

/** Moments since the end of the boot, in order, until there are no more. */
export function* arrivalTimes(shape: ArrivalsShape, endUs: number, random: Random) {
  const meanUs = durationUs(shape.mean)
  const lastUs = shape.until === undefined ? endUs : Math.min(endUs, durationUs(shape.until))
  const periodUs = shape.period === undefined ? undefined : durationUs(shape.period)
  const lowPpm = sharePpm(shape.low)
  for (let atUs = durationUs(shape.at); ; ) {
    atUs += exponential(random, meanUs)
    if (atUs >= lastUs) return
    if (periodUs === undefined || random.chance(dayCurvePpm(atUs, periodUs, lowPpm), 1_000_000))
      yield atUs
  }
}

type Acts = ArrivalsShape['acts']
export type Act = keyof Acts

export function drawAct(acts: Acts, random: Random): Act {
  let dice = random.below(acts.submit + acts.scale + acts.edit + acts.delete)
  for (const act of ['submit', 'scale', 'edit', 'delete'] as const) {
    if (dice < acts[act]) return act
    dice -= acts[act]
  }
  return 'submit'
}
