/** `why`: where each slot runs, and for those that wait, what each node is missing. */
import type { Command } from 'commander'
import type { toWhy } from '../api/jobs.ts'
import { stateCell } from './colour.ts'
import {
  type CommonOptions,
  clientOf,
  print,
  printJson,
  readArgument,
  reading,
  step,
} from './command.ts'
import { CommandFailure } from './failure.ts'
import { type Cell, duration, table } from './table.ts'

type Why = ReturnType<typeof toWhy>
type Slot = Why['slots'][number]

export function addWhy(program: Command): void {
  reading(
    program,
    'why <job> [slot]',
    'Show where each slot is and why, or what it waits for',
  ).action(
    async (job: string, slot: string | undefined, options: CommonOptions, command: Command) => {
      const only = slot === undefined ? undefined : readArgument('slot', slot)
      const why = await clientOf(options, command).get<Why>(`/v1/jobs/${step(job)}/why`)
      if (options.json) printJson(why)
      else print(showWhy(why, only))
    },
  )
}

function showWhy({ job, steward, note, slots }: Why, only: number | undefined): string {
  const shown = only === undefined ? slots : slots.filter(({ slot }) => slot === only)
  if (only !== undefined && shown.length === 0)
    throw new CommandFailure(`${job} has no slot ${only}: its count is ${slots.length}`)
  const led = steward === null ? 'each node decides for itself' : `steward ${steward.node}`
  const head = `${job}: ${led}\n${note === undefined ? '' : `${note}\n`}`
  const rows = shown.map((each): Cell[] => [
    String(each.slot),
    stateCell(each.state),
    each.node ?? '-',
    showReason(each),
  ])
  const heads = ['SLOT', 'STATE', 'NODE', 'REASON']
  const places = table(rows.some((row) => row.at(-1) !== '') ? heads : heads.slice(0, -1), rows)
  const explained = only === undefined ? shown.filter(({ node }) => node === undefined) : shown
  return [head, places, ...alike(explained).map(showCandidates)].join('')
}

function showReason({ reason, until }: Slot): string {
  const [first = ''] = (reason ?? '').split('\n')
  if (until === undefined || until <= Date.now()) return first
  return `${first}${first === '' ? '' : '; '}again in ${duration(until - Date.now() + 999)}`
}

/** Slots that wait for the same reasons are told once. */
function alike(slots: readonly Slot[]): Slot[][] {
  const groups = new Map<string, Slot[]>()
  for (const slot of slots) {
    if (slot.candidates.length === 0) continue
    const key = JSON.stringify(slot.candidates)
    groups.set(key, [...(groups.get(key) ?? []), slot])
  }
  return [...groups.values()]
}

function showCandidates(slots: readonly Slot[]): string {
  const numbers = slots.map(({ slot }) => slot).join(', ')
  const rows = slots[0]!.candidates.map(({ node, score, refusal }) => [
    node,
    score === undefined ? '-' : String(score),
    refusal ?? 'fits',
  ])
  const head = `\nslot${slots.length === 1 ? '' : 's'} ${numbers}, the lowest score first:\n`
  return head + table(['NODE', 'SCORE', 'MISSING'], rows)
}
