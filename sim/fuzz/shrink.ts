/**
 * From a scenario that breaks to a small one that breaks the same: greedily, one step at a time, each kind of step
 * as long as it helps, until a whole round of all kinds finds nothing. Then no single step makes it smaller, which
 * is not to say that there is no smaller one. Instead of delta debugging: a scenario has a few faults, not
 * thousands of lines, and the cost is in the runs, which get shorter first.
 *
 * It knows nothing of runs and clocks: whether a scenario still breaks is asked, and so is whether time is up.
 */
import { fuzzLimits as limits } from '../limits.ts'
import type { Scenario } from '../scenario/shape.ts'
import { type Step, steps, variantsOf } from './variants.ts'

export interface Shrunk<S extends Scenario> {
  readonly scenario: S
  readonly runs: number
  /** No single step makes it smaller; else the runs or the time were used up. */
  readonly isMinimal: boolean
}

export interface ShrinkBudget {
  readonly runs: number
  readonly isOver: () => boolean
}

export function shrink<S extends Scenario>(
  scenario: S,
  stillBreaks: (variant: S) => boolean,
  budget: ShrinkBudget = { runs: limits.shrinkRuns, isOver: () => false },
): Shrunk<S> {
  let runs = 0
  let isSpent = false
  const breaks = (variant: S): boolean => {
    isSpent ||= runs >= budget.runs || budget.isOver()
    if (isSpent) return false
    runs++
    return stillBreaks(variant)
  }
  let smallest = scenario
  for (;;) {
    const before = smallest
    for (const step of steps) smallest = repeated(smallest, step, breaks)
    if (smallest === before) return { scenario: smallest, runs, isMinimal: !isSpent }
  }
}

/** One kind of step, as long as one of its variants still breaks. Each is smaller, so it ends. */
function repeated<S extends Scenario>(
  scenario: S,
  step: Step<S>,
  breaks: (variant: S) => boolean,
): S {
  let smallest = scenario
  for (;;) {
    const next = variantsOf(smallest, step).find(breaks)
    if (next === undefined) return smallest
    smallest = next
  }
}
