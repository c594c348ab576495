/** Promises at risk after the what-ifs, each in a sentence. */
import type { Simulator } from '../simulator.ts'
import { unabsorbed } from './absorb.ts'
import type { PredictedStep, WaitingSlots } from './predict.ts'

export interface Risk {
  /** `short`: a job has fewer slots than it wants; `unsettled`; `loss`: one more node; `together`; `copies`. */
  readonly kind: 'short' | 'unsettled' | 'loss' | 'together' | 'copies'
  readonly text: string
}

export function risksOf(
  simulator: Simulator,
  steps: readonly PredictedStep[],
  waiting: readonly WaitingSlots[],
): Risk[] {
  return [
    ...shortJobs(simulator, waiting),
    ...unsettledSteps(steps),
    ...copies(simulator),
    ...losses(simulator),
    ...together(simulator),
  ]
}

function shortJobs(simulator: Simulator, waiting: readonly WaitingSlots[]): Risk[] {
  const jobs = new Map<string, number>()
  for (const { job, slots } of waiting) jobs.set(job, (jobs.get(job) ?? 0) + slots.length)
  const view = simulator.up()[0]?.core.view()
  return [...jobs].map(([job, slots]) => {
    const { count = 0 } = view?.job(job) ?? {}
    return { kind: 'short', text: `${job} runs ${count - slots} of ${count} slots` }
  })
}

function unsettledSteps(steps: readonly PredictedStep[]): Risk[] {
  return steps
    .filter(({ convergedMs }) => convergedMs === null)
    .map(({ what }) => ({ kind: 'unsettled', text: `${what}: something still moved at the end` }))
}

/** S2 takes two copies of a write. */
function copies(simulator: Simulator): Risk[] {
  const { length } = simulator.up()
  if (length > 1) return []
  const left = length === 1 ? 'one node is left' : 'no node is left'
  return [{ kind: 'copies', text: `${left}: a write has no second copy` }]
}

function losses(simulator: Simulator): Risk[] {
  if (simulator.up().length < 2) return []
  return unabsorbed(simulator).map(({ node, slots }) => {
    const are = slots === 1 ? '1 slot fits' : `${slots} slots fit`
    return { kind: 'loss', text: `if ${node} is lost as well, ${are} nowhere` }
  })
}

function together(simulator: Simulator): Risk[] {
  const view = simulator.up()[0]?.core.view()
  if (view === undefined || simulator.up().length < 2) return []
  return view.jobs().flatMap(({ id, spec, count }): Risk[] => {
    if (spec.type !== 'service' || count < 2) return []
    const seats = view.allocations({ job: id }).filter(({ state }) => state === 'running')
    const nodes = new Set(seats.map(({ member }) => member))
    if (nodes.size !== 1) return []
    const [member] = nodes
    const name = simulator.byId.get(member!)?.name
    return [{ kind: 'together', text: `all slots of ${id} are on ${name}` }]
  })
}
