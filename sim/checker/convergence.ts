/**
 * What must hold once faults have ended and time has passed: S3, all replicas are equal; S4, each job has exactly
 * its count of running slots and a deleted one none; and everyone agrees on who is there.
 *
 * Who sees whom is a question per pair of members: of large clusters some members, evenly spread, are asked about
 * all. The other two are looked at everywhere.
 */
import type { Host } from '../host.ts'
import type { RunningTask } from '../runtime.ts'
import type { Simulator } from '../simulator.ts'

/** Pairs of members that one look may ask about: 1,024 members all of each other, 10,000 by 104 of them. */
const pairsMax = 1_048_576
/** More than a person reads. */
const findingsMax = 100

/** What still differs, at most so many findings; empty when converged. */
export function divergences(simulator: Simulator, most = findingsMax): string[] {
  const up = simulator.up()
  const first = up[0]
  if (first === undefined) return []
  const found: string[] = []
  for (const finding of allDivergences(simulator, up, first)) {
    found.push(finding)
    if (found.length >= most) break
  }
  return found
}

export function isConverged(simulator: Simulator): boolean {
  return divergences(simulator, 1).length === 0
}

function* allDivergences(simulator: Simulator, up: readonly Host[], first: Host) {
  const root = first.core.view().digest()
  for (const host of up)
    if (host.core.view().digest() !== root)
      yield `S3: ${host.name} holds another state than ${first.name}`
  yield* membershipDivergences(simulator, up)
  yield* countDivergences(simulator, first)
}

function* membershipDivergences({ hosts }: Simulator, up: readonly Host[]) {
  for (const host of witnesses(up, Math.max(1, Math.floor(pairsMax / hosts.length)))) {
    const view = host.core.view()
    for (const other of hosts) {
      const state = view.memberState(other.id)
      if ((state === 'alive') !== other.isUp)
        yield `members: ${host.name} sees ${other.name} ${state ?? 'not at all'}`
    }
  }
}

/** At most so many of the hosts, evenly spread. */
export function witnesses(hosts: readonly Host[], most: number): Host[] {
  if (hosts.length <= most) return [...hosts]
  return Array.from({ length: most }, (_, i) => hosts[Math.floor((i * hosts.length) / most)]!)
}

function* countDivergences(simulator: Simulator, witness: Host) {
  const running = new Map<string, RunningTask[]>()
  for (const host of simulator.hosts)
    for (const task of host.runtime.running()) {
      const tasks = running.get(task.job)
      if (tasks === undefined) running.set(task.job, [task])
      else tasks.push(task)
    }
  for (const job of witness.core.view().jobs()) {
    const tasks = running.get(job.id) ?? []
    const slots = new Set(tasks.map((task) => task.slot))
    running.delete(job.id)
    if (job.spec.type === 'batch') continue
    if (slots.size !== job.count || tasks.length !== job.count)
      yield `S4: ${job.id} runs ${tasks.length} tasks in ${slots.size} of ${job.count} slots`
  }
  for (const [job, tasks] of running) yield `S4: deleted ${job} runs ${tasks.length} tasks`
}
