/** One measured figure, and how a list of durations becomes one. */

export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** As a person reads it: `at most 150 ms`. */
  readonly target?: string
  readonly isMet?: boolean
  readonly note?: string
}

/** The p-th percentile, nearest rank. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  return percentile(values, 50)
}

export function atMost(limit: number, figure: Omit<Figure, 'target' | 'isMet'>): Figure {
  return { ...figure, target: `at most ${limit} ${figure.unit}`, isMet: figure.value <= limit }
}

export function atLeast(limit: number, figure: Omit<Figure, 'target' | 'isMet'>): Figure {
  return { ...figure, target: `at least ${limit} ${figure.unit}`, isMet: figure.value >= limit }
}

export function table(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, value, unit, target = '', isMet, note = '' }) => {
    const verdict = isMet === undefined ? '' : isMet ? 'met' : 'MISSED'
    return [name, `${round(value)} ${unit}`, target, verdict, note]
  })
  const all = [['what', 'measured', 'target', '', 'note'], ...rows]
  const widths = all[0]!.map((_, i) => Math.max(...all.map((row) => row[i]!.length)))
  const line = (row: string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd()
  return `${all.map(line).join('\n')}\n`
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
