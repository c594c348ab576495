/**
 * What a run broke, by a name that a smaller scenario can be asked about again: the promise, or the exception
 * without its numbers. An InvariantError out of a core is a break like any other: a person must see its message,
 * and the shrinker must know it again.
 *
 * A cluster that is asked for more than it has cannot run all of it: there a slot too few is no break of S4. One
 * too many is, everywhere.
 */
import { dimensions } from '../../protocol/placement/resources.ts'
import { fuzzLimits as limits } from '../limits.ts'
import { Run, type SeededScenario } from '../scenario.ts'
import type { Simulator } from '../simulator.ts'

export interface Finding {
  /** `S4`, `boot: S3`, `members`, or an exception: the same of two runs that broke the same. */
  readonly name: string
  /** The first thing that was found, with its numbers. */
  readonly text: string
}

export interface Verdict {
  readonly finding: Finding | undefined
  readonly strikes: number
  /** More was wanted than fits, so that S4 was not to be had. */
  readonly isFull: boolean
}

export function verdictOf(scenario: SeededScenario): Verdict {
  const run = new Run(scenario)
  try {
    for (const _ of run.steps());
  } catch (error) {
    return { finding: findingOfError(error), strikes: strikesOf(run), isFull: false }
  }
  const isFull = wantsTooMuch(run.simulator)
  const text = run.violations.find((violation) => !(isFull && isSlotTooFew(violation)))
  const finding = text === undefined ? undefined : { name: promiseOf(text), text }
  return { finding, strikes: strikesOf(run), isFull }
}

/** Before the colon or the time: `S4: web runs …`, `S1 at 12 µs: …`, `boot: members: …`. */
export function promiseOf(violation: string): string {
  return /^(boot: )?\w+/.exec(violation)?.[0] ?? violation
}

/** Of two seeds, the same bug names other members and other numbers. */
export function findingOfError(error: unknown): Finding {
  if (!(error instanceof Error)) return { name: 'exception', text: String(error) }
  const text = `${error.name}: ${error.message}`
  return { name: text.replace(/[0-9]+/g, '#'), text }
}

function isSlotTooFew(violation: string): boolean {
  const found = /^S4: .* runs (\d+) tasks in (\d+) of (\d+) slots$/.exec(violation)
  return found !== null && found[1] === found[2] && Number(found[1]) < Number(found[3])
}

function strikesOf({ nemesis }: Run): number {
  return nemesis.tallies.reduce((sum, { strikes }) => sum + strikes, 0)
}

function wantsTooMuch(simulator: Simulator): boolean {
  const up = simulator.up()
  const jobs = up[0]?.core.view().jobs() ?? []
  return dimensions.some((name) => {
    let room = 0
    for (const { capacity } of up) room += capacity[name]
    let wanted = 0
    for (const { spec, count } of jobs)
      for (const task of spec.tasks) wanted += count * (task.resources[name] ?? 0)
    return wanted * 100 > room * limits.fullPercent
  })
}
