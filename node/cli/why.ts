/** `why`: where each slot runs, and for those that wait, what each node is missing. */
import type { Command } from 'commander'
import type { toWhy } from '../api/jobs.ts'
import {
  type CommonOptions,
  clientOf,
  print,
  printJson,
  reading,
  readNumber,
  step,
} from './command.ts'
import { table } from './table.ts'

type Why = ReturnType<typeof toWhy>
type Slot = Why['slots'][number]

export function addWhy(program: Command): void {
  reading(
    program,
    'why <job> [slot]',
    'Show where each slot is and why, or what it waits for',
  ).action(
    async (job: string, slot: string | undefined, options: CommonOptions, command: Command) => {
      const only = slot === undefined ? undefined : readNumber(slot)
      const why = await clientOf(options, command).get<Why>(`/v1/jobs/${step(job)}/why`)
      if (options.json) printJson(why)
      else print(showWhy(why, only))
    },
  )
}

function showWhy({ job, steward, slots }: Why, only: number | undefined): string {
  const shown = only === undefined ? slots : slots.filter(({ slot }) => slot === only)
  const head = `${job}: steward ${steward?.node ?? 'none'}\n`
  const places = table(
    ['SLOT', 'STATE', 'NODE'],
    shown.map(({ slot, state, node }) => [String(slot), state, node ?? '-']),
  )
  const explained = only === undefined ? shown.filter(({ node }) => node === undefined) : shown
  return [head, places, ...alike(explained).map(showCandidates)].join('')
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
  const head = `\nslot${slots.length === 1 ? '' : 's'} ${numbers}:\n`
  return head + table(['NODE', 'SCORE', 'MISSING'], rows)
}
