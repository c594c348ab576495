/**
 * What is expected of a run, as one line of text: `detection.p99 <= 3.5s`, `falseDeaths = 0`, `running >= 99%`. A
 * line that no run could meet, alone or with the others, is refused before anything runs: a scenario that can
 * only fail tests nothing.
 */

import { isMeasure, type Measured, type MeasureName, measureNames, measures } from './measure.ts'
import { durationUs, sharePpm } from './quantity.ts'

const operators = ['<=', '>=', '<', '>', '='] as const
type Operator = (typeof operators)[number]

export interface Expectation {
  readonly text: string
  readonly measure: MeasureName
  readonly operator: Operator
  /** In the measure's unit. */
  readonly bound: number
}

export interface Judged {
  readonly text: string
  readonly measure: MeasureName
  readonly measured: number | undefined
  readonly passed: boolean
}

/** Or the reason why it is none. */
export function parseExpectation(text: string): Expectation | { readonly reason: string } {
  const [, name, operator, quantity] = /^([\w.]+) *(<=|>=|<|>|=) *(\S+)$/.exec(text.trim()) ?? []
  if (name === undefined || quantity === undefined)
    return { reason: `"${text}" is not of the form "detection.p99 <= 3.5s"` }
  if (!isMeasure(name))
    return { reason: `nothing is measured as ${name}; known: ${measureNames.join(', ')}` }
  const bound = boundOf(name, quantity)
  if (typeof bound !== 'number') return bound
  const expectation = { text, measure: name, operator: operator as Operator, bound }
  const [least, most] = allowed([expectation])
  if (least > most) return { reason: `no run can meet "${text}"` }
  return expectation
}

function boundOf(name: MeasureName, quantity: string): number | { readonly reason: string } {
  const { unit } = measures[name]
  if (unit === 'duration')
    return /^[0-9]{1,9}(\.[0-9]{1,3})?(us|ms|s|m|h)$/.test(quantity)
      ? durationUs(quantity)
      : { reason: `${name} is a duration such as 3.5s, not "${quantity}"` }
  if (unit === 'share')
    return /^[0-9]{1,7}(\.[0-9]{1,4})?%$/.test(quantity)
      ? sharePpm(quantity)
      : { reason: `${name} is a share such as 99%, not "${quantity}"` }
  return /^[0-9]{1,12}(\.[0-9]{1,3})?$/.test(quantity)
    ? Number(quantity)
    : { reason: `${name} is a number, not "${quantity}"` }
}

/** The first two lines about one measure that cannot both hold: their indexes. */
export function contradiction(all: readonly Expectation[]): [number, number] | undefined {
  for (let i = 0; i < all.length; i++)
    for (let j = 0; j < i; j++) {
      if (all[i]!.measure !== all[j]!.measure) continue
      const [least, most] = allowed([all[i]!, all[j]!])
      if (least > most) return [j, i]
    }
  return undefined
}

/** What values they leave: from, to; none when the first is the larger. A time of nothing is never measured. */
function allowed(expectations: readonly Expectation[]): [number, number] {
  const { unit } = measures[expectations[0]!.measure]
  const step = unit === 'rate' ? 0.001 : 1
  let least = unit === 'duration' ? 1 : 0
  let most = unit === 'share' ? 1_000_000 : Number.MAX_SAFE_INTEGER
  for (const { operator, bound } of expectations) {
    if (operator === '<=' || operator === '=') most = Math.min(most, bound)
    if (operator === '>=' || operator === '=') least = Math.max(least, bound)
    if (operator === '<') most = Math.min(most, bound - step)
    if (operator === '>') least = Math.max(least, bound + step)
  }
  return [least, most]
}

/** What was not measured meets nothing: a detection that never happened was not fast. */
export function judge({ text, measure, operator, bound }: Expectation, measured: Measured): Judged {
  const value = measured[measure]
  return {
    text,
    measure,
    measured: value,
    passed: value !== undefined && compares(value, operator, bound),
  }
}

function compares(value: number, operator: Operator, bound: number): boolean {
  switch (operator) {
    case '<=':
      return value <= bound
    case '>=':
      return value >= bound
    case '<':
      return value < bound
    case '>':
      return value > bound
    case '=':
      return value === bound
  }
}
