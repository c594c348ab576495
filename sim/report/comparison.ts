/** Two reports beside each other, measure by measure, with what became better or worse. */
import { type MeasureName, measureNames, measures, written } from '../scenario/measure.ts'
import type { Report } from './report.ts'

export interface ComparedRow {
  readonly measure: MeasureName
  readonly about: string
  readonly a: string
  readonly b: string
  /** `+12 %`, `−3`, or empty when equal or not to be compared. */
  readonly change: string
  readonly verdict: 'better' | 'worse' | 'same' | 'other'
}

/** Below this change two runs count as the same: a histogram's bucket is a sixteenth wide. */
const sameShare = 1 / 16

export function compareReports(a: Report, b: Report): ComparedRow[] {
  return measureNames.flatMap((measure) => {
    const before = a.measured[measure] ?? null
    const after = b.measured[measure] ?? null
    if (before === null && after === null) return []
    const { unit, about } = measures[measure]
    const write = (value: number | null) => written(unit, value ?? undefined)
    const row = { measure, about, a: write(before), b: write(after) }
    if (before === null || after === null)
      return [{ ...row, change: '', verdict: 'other' as const }]
    return [{ ...row, change: changeOf(before, after), verdict: verdictOf(measure, before, after) }]
  })
}

function changeOf(before: number, after: number): string {
  if (before === after) return ''
  if (before === 0) return 'new'
  const percent = Math.round((100 * (after - before)) / before)
  return `${percent >= 0 ? '+' : '−'}${Math.abs(percent)} %`
}

function verdictOf(measure: MeasureName, before: number, after: number): ComparedRow['verdict'] {
  const { better } = measures[measure] as { readonly better?: 'less' | 'more' }
  const isSame = Math.abs(after - before) <= sameShare * Math.max(Math.abs(before), Math.abs(after))
  if (before === after || (isSame && measure !== 'falseDeaths')) return 'same'
  if (better === undefined) return 'other'
  return after < before === (better === 'less') ? 'better' : 'worse'
}

/** What makes the two runs different besides their results. */
export function differencesOf(a: Report, b: Report): string[] {
  const facts: [string, (report: Report) => string][] = [
    ['scenario', ({ scenario }) => scenario.name],
    ['members', ({ scenario }) => String(scenario.members.count)],
    ['seed', ({ scenario }) => String(scenario.seed)],
    ['verdict', ({ verdict }) => verdict],
    ['trace hash', ({ traceHash }) => traceHash],
  ]
  return facts.flatMap(([name, of]) => (of(a) === of(b) ? [] : [`${name}: ${of(a)} → ${of(b)}`]))
}
