/**
 * What a run is measured by: the names that expectations, the table, the JSON and the comparison of two runs share.
 * Durations are microseconds, shares parts per million, rates and counts plain numbers.
 */

export type Unit = 'duration' | 'share' | 'count' | 'rate'

export interface Measure {
  readonly unit: Unit
  readonly about: string
  /** Which way is better, for a comparison; undefined where neither is. */
  readonly better?: 'less' | 'more'
}

const less = 'less'
const more = 'more'

export const measures = {
  boot: { unit: 'duration', better: less, about: 'all see all after the start' },
  converged: { unit: 'duration', better: less, about: 'at rest after everything was repaired' },
  deaths: { unit: 'count', about: 'agents and machines that died' },
  'detection.p50': { unit: 'duration', better: less, about: 'death to known, per other member' },
  'detection.p99': { unit: 'duration', better: less, about: 'death to known, per other member' },
  'detection.max': { unit: 'duration', better: less, about: 'death to known, the slowest member' },
  falseDeaths: { unit: 'count', better: less, about: 'living members held for dead' },
  'delivery.p50': {
    unit: 'duration',
    better: less,
    about: 'broadcast published to each first copy',
  },
  'delivery.p99': {
    unit: 'duration',
    better: less,
    about: 'broadcast published to each first copy',
  },
  'delivery.max': {
    unit: 'duration',
    better: less,
    about: 'broadcast published to the last first copy',
  },
  'placement.p50': {
    unit: 'duration',
    better: less,
    about: 'job acknowledged to all of it running',
  },
  'placement.p99': {
    unit: 'duration',
    better: less,
    about: 'job acknowledged to all of it running',
  },
  running: { unit: 'share', better: more, about: 'wanted slots that run, at the end' },
  'running.least': { unit: 'share', better: more, about: 'wanted slots that ran, at the worst' },
  acknowledged: { unit: 'count', about: 'writes acknowledged' },
  refused: { unit: 'count', better: less, about: 'writes refused' },
  starts: { unit: 'count', better: less, about: 'tasks started' },
  moves: { unit: 'count', better: less, about: 'slots that ran again as another allocation' },
  copies: { unit: 'rate', better: less, about: 'copies of a broadcast that a member receives' },
  messages: { unit: 'rate', better: less, about: 'messages a member and second' },
  bytes: { unit: 'rate', better: less, about: 'bytes a member and second' },
  'utilisation.cpu': { unit: 'share', about: 'CPU given to tasks, at the most' },
  'utilisation.memory': { unit: 'share', about: 'memory given to tasks, at the most' },
  'utilisation.gpu': { unit: 'share', about: 'GPUs given to tasks, at the most' },
} as const satisfies { readonly [name: string]: Measure }

export type MeasureName = keyof typeof measures
export const measureNames = Object.keys(measures) as MeasureName[]

/** Undefined: there was nothing to measure. */
export type Measured = { readonly [name in MeasureName]: number | undefined }

export function isMeasure(name: string): name is MeasureName {
  return Object.hasOwn(measures, name)
}

/** As a person reads it. */
export function written(unit: Unit, value: number | undefined): string {
  if (value === undefined) return '–'
  switch (unit) {
    case 'duration':
      return writtenDuration(value)
    case 'share':
      return `${trimmed(value / 10_000, 1)} %`
    case 'count':
      return grouped(value)
    case 'rate':
      return value >= 100 ? grouped(Math.round(value)) : trimmed(value, 2)
  }
}

export function writtenDuration(us: number): string {
  if (us === 0) return '0 s'
  if (us < 1000) return `${Math.round(us)} µs`
  if (us < 1_000_000) return `${trimmed(us / 1000, us < 10_000 ? 1 : 0)} ms`
  if (us < 120_000_000) return `${trimmed(us / 1_000_000, us < 10_000_000 ? 2 : 1)} s`
  const seconds = Math.round(us / 1_000_000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** Thousands apart: 1,234,567. */
export function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** `1 slot`, `1,234 slots`. */
export function counted(count: number, what: string): string {
  return `${grouped(count)} ${what}${count === 1 ? '' : 's'}`
}

function trimmed(value: number, digits: number): string {
  const text = value.toFixed(digits)
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}
