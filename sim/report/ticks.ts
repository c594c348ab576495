/** Where an axis is labelled: few round numbers. */

export interface Axis {
  readonly max: number
  readonly ticks: readonly number[]
}

/** From 0 to at least `most`, or exactly to it, in three to five steps of 1, 2, 2.5 or 5 times a power of ten. */
export function niceAxis(most: number, isExact: boolean): Axis {
  const rough = most / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const factor = [1, 2, 2.5, 5, 10].find((each) => each * power >= rough) ?? 10
  const step = factor * power
  const max = isExact ? most : Math.ceil(most / step - 1e-9) * step
  const ticks: number[] = []
  for (let i = 0; i * step <= max * 1.0001; i++) ticks.push(Number((i * step).toPrecision(6)))
  return { max, ticks }
}

const stepsSeconds = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200]

export function timeTicks(endUs: number): { readonly us: number; readonly text: string }[] {
  const seconds = endUs / 1_000_000
  const step =
    stepsSeconds.find((each) => seconds / each <= 8) ?? Math.ceil(seconds / 8 / 3600) * 3600
  const ticks: { us: number; text: string }[] = []
  for (let i = 0; i * step <= seconds; i++) {
    const at = i * step
    ticks.push({ us: at * 1_000_000, text: timeText(at, step) })
  }
  return ticks
}

function timeText(seconds: number, step: number): string {
  if (step < 60) return `${Number(seconds.toFixed(1))} s`
  if (step < 3600) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3600)} h`
}

/** 1, 2, 5 times the powers of ten; powers alone when they are many. */
export function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low)
  const factors = decades > 4 ? [1] : decades > 1.5 ? [1, 3] : [1, 2, 3, 5, 7]
  const ticks: number[] = []
  for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10)
    for (const factor of factors)
      if (factor * power >= low && factor * power <= high) ticks.push(factor * power)
  return ticks
}
