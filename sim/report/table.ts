/** A report on the terminal: what was measured beside what was expected, then what was promised. */
import {
  grouped,
  type MeasureName,
  measureNames,
  measures,
  written,
  writtenDuration,
} from '../scenario/measure.ts'
import type { Report } from './report.ts'

export function reportTable(report: Report): string {
  return [
    aligned(headRows(report)),
    '',
    aligned(measureRows(report)),
    '',
    aligned(verdictRows(report)),
    ...detailLines(report),
    '',
    verdictLine(report),
    '',
  ].join('\n')
}

/** One line for one of many seeds. */
export function reportLine(report: Report): string {
  const { scenario, measured, verdict } = report
  const columns = [
    `seed ${String(scenario.seed).padStart(6)}`,
    verdict === 'passed' ? 'ok    ' : verdict === 'failed' ? 'BROKEN' : 'cut   ',
    `${grouped(scenario.members.count)} members`.padStart(15),
    `converged after ${written('duration', measured.converged ?? undefined)}`.padEnd(24),
    `${grouped(report.events)} events`,
    `${(report.wallMs / 1000).toFixed(1)} s`,
    report.traceHash,
  ]
  const lines = detailLines(report).slice(0, 10)
  return `${columns.join('  ')}\n${lines.map((line) => `${line}\n`).join('')}`
}

function headRows({
  scenario,
  simulatedUs,
  wallMs,
  events,
  traceHash,
  credit,
}: Report): string[][] {
  const rate = simulatedUs / 1000 / Math.max(1, wallMs)
  const rows = [
    ['scenario', `${scenario.name}: ${scenario.about}`],
    ['members', grouped(scenario.members.count)],
    ['simulated', `${writtenDuration(simulatedUs)}, ${rate.toPrecision(2)}× real time`],
    [
      'took',
      `${writtenDuration(wallMs * 1000)}, ${grouped((events / Math.max(1, wallMs)) * 1000)} events/s`,
    ],
    ['trace', traceHash],
  ]
  return credit === null ? rows : [...rows, ['load', credit]]
}

function measureRows({ measured, expectations }: Report): string[][] {
  return measureNames
    .filter((name) => measured[name] !== null)
    .map((name) => {
      const expected = expectations.filter(({ measure }) => measure === name)
      const marks = expected.map(({ text, passed }) => `${passed ? '✓' : '✗'} ${text}`)
      return [name, shownValue(name, measured[name]), marks.join('  ') || measures[name].about]
    })
}

function shownValue(name: MeasureName, value: number | null): string {
  return written(measures[name].unit, value ?? undefined)
}

const promised: { readonly [name: string]: string } = {
  members: 'all see all',
  S1: 'no node ever runs more than its capacity',
  S2: 'an acknowledged write is still there',
  S3: 'all replicas are equal',
  S4: 'each job has exactly its count of live allocations',
  S6: 'nonsense changes nothing',
}

export function promiseText(name: string): string {
  return promised[name] ?? name
}

const stateText = { kept: '✓ kept', broken: '✗ BROKEN', open: '· not seen' }

function verdictRows({ promises, faults }: Report): string[][] {
  return [
    ...promises.map(({ name, state }) => [name, stateText[state], promiseText(name)]),
    ...faults.map(({ fault, strikes, struck, effect }) => [
      fault,
      `${effect > 0 ? '✓' : '✗'} ${grouped(strikes)}×`,
      `struck ${grouped(struck)} members, effect ${grouped(effect)}`,
    ]),
  ]
}

function detailLines({ promises, idle, expectations, measured }: Report): string[] {
  return [
    ...expectations
      .filter(({ passed }) => !passed)
      .map(
        ({ text, measure }) => `  expected ${text}, was ${shownValue(measure, measured[measure])}`,
      ),
    ...promises.flatMap(({ findings }) => findings.map((finding) => `  ${finding}`)),
    ...idle.map((knob) => `  no effect: ${knob}`),
  ]
}

function verdictLine({ verdict, command }: Report): string {
  const words = {
    passed: '✓ passed',
    failed: '✗ FAILED',
    interrupted: 'interrupted: the report so far',
  }
  return `${words[verdict]}   ${command}`
}

export function aligned(rows: readonly string[][]): string {
  const widths: number[] = []
  for (const row of rows)
    row.slice(0, -1).forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length)
    })
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
