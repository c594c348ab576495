/**
 * Quantities as a person writes them in a scenario, and the integers that the simulator counts in: durations
 * (`200us`, `1.5s`) in microseconds, shares (`0.1%`) in parts per million, bandwidths (`10Gbit`) in bytes a
 * second. A scenario keeps the text, as a job does, so that it can be written again as it was read.
 */
import { integer, type Schema, text } from '../../protocol/base/schema.ts'

const durationText = '([0-9]{1,9})(?:\\.([0-9]{1,3}))?(us|ms|s|m|h)'
const durationPattern = new RegExp(`^${durationText}$`)
const rangePattern = new RegExp(`^${durationText}(?:\\.\\.${durationText})?$`)
const sharePattern = /^([0-9]{1,7})(?:\.([0-9]{1,4}))?%$/
const bandwidthPattern = /^([1-9][0-9]{0,5})(Kbit|Mbit|Gbit)$/
const countsPattern = /^([0-9]{1,7})\.\.([0-9]{1,7})$/

const durationUnitsUs: { [unit: string]: number } = {
  us: 1,
  ms: 1000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
}
/** Bits to bytes: an eighth. */
const bandwidthUnits: { [unit: string]: number } = {
  Kbit: 125,
  Mbit: 125_000,
  Gbit: 125_000_000,
}

/** From and to, both included. */
export interface Range {
  readonly min: number
  readonly max: number
}

export const duration: Schema<string> = text({
  max: 20,
  pattern: durationPattern,
  hint: 'must be a duration such as 200us, 500ms, 1.5s, 5m or 1h',
})

export const durationRange: Schema<string> = ordered(
  text({
    max: 40,
    pattern: rangePattern,
    hint: 'must be a duration or a range of them, such as 5ms or 200us..5ms',
  }),
  (value) => durationRangeUs(value),
)

export const share: Schema<string> = text({
  max: 16,
  pattern: sharePattern,
  hint: 'must be a share such as 30% or 0.5%',
})

export const bandwidth: Schema<string> = text({
  max: 16,
  pattern: bandwidthPattern,
  hint: 'must be a bandwidth such as 100Mbit or 10Gbit',
})

/** A whole number, or a range of them: `5` or `1..8`. */
export function counts(min: number, max: number): Schema<number | string> {
  const one = integer(min, max)
  const hint = 'must be a whole number or a range of them, such as 5 or 1..8'
  const range = ordered(text({ max: 16, pattern: countsPattern, hint }), countRange)
  return {
    json: { anyOf: [one.json, range.json] },
    read(value, path, issues) {
      if (typeof value === 'number') return one.read(value, path, issues)
      const before = issues.length
      const read = range.read(value, path, issues)
      if (issues.length > before) return read
      const bounds = countRange(read)
      if (bounds.min < min) issues.push({ path, message: `must be at least ${min}` })
      if (bounds.max > max) issues.push({ path, message: `must be at most ${max}` })
      return read
    },
  }
}

function ordered(schema: Schema<string>, range: (text: string) => Range): Schema<string> {
  return {
    ...schema,
    read(value, path, issues) {
      const before = issues.length
      const read = schema.read(value, path, issues)
      if (issues.length > before) return read
      const { min, max } = range(read)
      if (min > max) issues.push({ path, message: `goes from ${read}: the first is the larger` })
      return read
    },
  }
}

/** Microseconds of a duration that has been checked. */
export function durationUs(written: string): number {
  const [, whole, fraction, unit] = durationPattern.exec(written) ?? []
  return inUnits(whole, fraction, 3, durationUnitsUs[unit ?? 'us'] ?? 1)
}

export function durationRangeUs(written: string): Range {
  const [first, last] = written.split('..') as [string, string?]
  return { min: durationUs(first), max: durationUs(last ?? first) }
}

/** Parts per million of a share that has been checked. */
export function sharePpm(written: string): number {
  const [, whole, fraction] = sharePattern.exec(written) ?? []
  return inUnits(whole, fraction, 4, 10_000)
}

export function bytesPerSecond(written: string): number {
  const [, amount, unit] = bandwidthPattern.exec(written) ?? []
  return Number(amount ?? 0) * (bandwidthUnits[unit ?? 'Mbit'] ?? 1)
}

export function countRange(written: number | string): Range {
  if (typeof written === 'number') return { min: written, max: written }
  const [, min, max] = countsPattern.exec(written) ?? []
  return { min: Number(min ?? 0), max: Number(max ?? 0) }
}

/** `whole.fraction` units, rounded down to an integer, without a float in between. */
function inUnits(
  whole: string | undefined,
  fraction: string | undefined,
  digits: number,
  unit: number,
): number {
  const scale = 10 ** digits
  const rest = Number((fraction ?? '').padEnd(digits, '0'))
  return Number(whole ?? 0) * unit + Math.floor((rest * unit) / scale)
}

/** The shortest exact text of a duration. */
export function durationFrom(us: number): string {
  for (const unit of ['h', 'm', 's', 'ms'] as const) {
    const unitUs = durationUnitsUs[unit]!
    if (us >= unitUs && us % unitUs === 0) return `${us / unitUs}${unit}`
  }
  return `${us}us`
}

/** The shortest exact text of a share. */
export function shareFrom(ppm: number): string {
  const rest = String(ppm % 10_000)
    .padStart(4, '0')
    .replace(/0+$/, '')
  return `${Math.floor(ppm / 10_000)}${rest === '' ? '' : `.${rest}`}%`
}
