/** A prediction on the terminal. */
import { dimensions } from '../../protocol/placement/resources.ts'
import { aligned } from '../report/table.ts'
import { grouped, writtenDuration } from '../scenario/measure.ts'
import type { Move } from './placements.ts'
import type { PredictedStep, Prediction, Room, WaitingSlots } from './predict.ts'

export function predictionTable(prediction: Prediction): string {
  const { snapshot, steps, moves, waiting, capacity, risks } = prediction
  const { at, nodes, jobs } = snapshot
  const taken = new Date(at).toISOString()
  const head = `snapshot of ${taken}: ${counted(nodes, 'node')} alive, ${counted(jobs, 'job')}`
  return [
    head,
    ...steps.flatMap(stepLines),
    ...section('all in all', steps.length > 2 ? moves.map(moveRow) : []),
    ...section('fits nowhere', waiting.map(waitingRow)),
    ...section('capacity', capacityRows(capacity.before, capacity.after)),
    ...section(
      'at risk',
      risks.map(({ text }) => [text]),
    ),
    '',
  ].join('\n')
}

function stepLines({ what, moves, convergedMs, shortfalls }: PredictedStep): string[] {
  const time =
    convergedMs === null
      ? 'not at rest in the time that was waited'
      : `at rest after ${writtenDuration(convergedMs * 1000)}`
  const short = shortfalls.map(({ job, lowest, wanted, belowMs }) => [
    `${job} ran ${lowest} of ${wanted} slots at the least, fewer than ${wanted} for ${writtenDuration(belowMs * 1000)}`,
  ])
  const told = counted(moves.length, 'move')
  return ['', `${what}: ${told}, ${time}`, ...indented([...moves.map(moveRow)]), ...indented(short)]
}

function moveRow({ job, slot, from, to }: Move): string[] {
  const how =
    from !== null && from === to ? `${to} (started anew)` : `${from ?? '–'} → ${to ?? '–'}`
  return [`${job} ${slot}`, how]
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

function counted(count: number, what: string): string {
  return `${grouped(count)} ${what}${count === 1 ? '' : 's'}`
}
