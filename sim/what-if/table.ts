/** A forecast on the terminal. */
import { dimensions } from '../../protocol/placement/resources.ts'
import { aligned } from '../report/table.ts'
import { counted, grouped, writtenDuration } from '../scenario/measure.ts'
import type { Forecast, ForecastMove, ForecastStep } from './forecast.ts'
import type { Room, WaitingSlots } from './predict.ts'

export function forecastTable(forecast: Forecast): string {
  const { snapshot, runs, steps, moves, waiting, capacity, risks } = forecast
  const { at, nodes, jobs } = snapshot
  const taken = new Date(at).toISOString()
  const head = `snapshot of ${taken}: ${counted(nodes, 'node')} alive, ${counted(jobs, 'job')}`
  return [
    head,
    ...steps.flatMap((step) => stepLines(step, runs)),
    ...section('all in all', steps.length > 2 ? moves.map((move) => moveRow(move, runs)) : []),
    ...section('fits nowhere', waiting.map(waitingRow)),
    ...section('capacity', capacityRows(capacity.before, capacity.after)),
    ...section(
      'at risk',
      risks.map(({ text }) => [text]),
    ),
    '',
  ].join('\n')
}

function stepLines(step: ForecastStep, runs: number): string[] {
  const { what, moves, shortfalls } = step
  const short = shortfalls.map(({ job, lowest, wanted, belowMs }) => [
    `${job} ran ${lowest} of ${wanted} slots at the least, and fewer than ${wanted} for ${ms(belowMs)}`,
  ])
  const rows = moves.map((move) => moveRow(move, runs))
  const told = counted(moves.length, 'move')
  return ['', `${what}: ${told}, ${restOf(step)}`, ...indented(rows), ...indented(short)]
}

function restOf({ convergedMs, convergedMsRange: range }: ForecastStep): string {
  if (convergedMs === null || range === null) return 'not at rest in the time that was waited'
  const [least, most] = range
  return least === most ? `at rest after ${ms(least)}` : `at rest after ${ms(least)} to ${ms(most)}`
}

/** What did not happen in all runs says so. */
function moveRow({ job, slot, from, to, runs: made, otherwise }: ForecastMove, runs: number) {
  const how =
    from !== null && from === to ? `${to} (started anew)` : `${from ?? '–'} → ${to ?? '–'}`
  const others = otherwise.map((other) => `${other.to ?? 'nowhere'} in ${other.runs}`)
  const doubt = [`in ${made} of ${runs} runs`, ...others].join(', ')
  return [`${job} ${slot}`, how, made === runs ? '' : doubt]
}

function ms(milliseconds: number): string {
  return writtenDuration(milliseconds * 1000)
}

function waitingRow({ job, slots, because }: WaitingSlots): string[] {
  const named = slots.length === 1 ? `slot ${slots[0]}` : `${slots.length} slots`
  return [job, named, because]
}

function capacityRows(before: Room, after: Room): string[][] {
  const shown = dimensions.filter((name) => before.capacity[name] + after.capacity[name] > 0)
  const rows = shown.map((name) => [
    name,
    leftOf(before, name),
    leftOf(after, name),
    percent(after.committed[name], after.capacity[name]),
  ])
  const nodes = ['nodes', String(before.nodes), String(after.nodes), '']
  return [['', 'left before', 'left after', 'in use after'], nodes, ...rows]
}

function leftOf({ capacity, committed }: Room, name: (typeof dimensions)[number]): string {
  return `${grouped(capacity[name] - committed[name])} of ${grouped(capacity[name])}`
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '' : `${Math.round((100 * part) / whole)} %`
}

function section(title: string, rows: readonly string[][]): string[] {
  return rows.length === 0 ? [] : ['', title, ...indented(rows)]
}

function indented(rows: readonly string[][]): string[] {
  if (rows.length === 0) return []
  return aligned(rows)
    .split('\n')
    .map((line) => `  ${line}`)
}
