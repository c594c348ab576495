/**
 * What must hold once faults have ended and time has passed: S3, all replicas are equal; S4, each job has exactly
 * its count of running slots and a deleted one none; and everyone agrees on who is there.
 */
import type { Host } from '../host.ts'
import type { RunningTask } from '../runtime.ts'
import type { Simulator } from '../simulator.ts'

/** What still differs; empty when converged. */
export function divergences(simulator: Simulator): string[] {
  const up = simulator.up()
  const first = up[0]
  if (first === undefined) return []
  return [
    ...membershipDivergences(simulator, up),
    ...up
      .filter((host) => host.core.view().digest() !== first.core.view().digest())
      .map((host) => `S3: ${host.name} holds another state than ${first.name}`),
    ...countDivergences(simulator, first),
  ]
}

function membershipDivergences(simulator: Simulator, up: readonly Host[]): string[] {
  const ids = new Set(up.map((host) => host.id))
  return up.flatMap((host) =>
    simulator.hosts.flatMap((other) => {
      const state = host.core.view().memberState(other.id)
      const seen = state === 'alive'
      if (seen === ids.has(other.id)) return []
      return [`members: ${host.name} sees ${other.name} ${state ?? 'not at all'}`]
    }),
  )
}

function countDivergences(simulator: Simulator, witness: Host): string[] {
  const running = new Map<string, RunningTask[]>()
  for (const host of simulator.hosts)
    for (const task of host.runtime.running())
      running.set(task.job, [...(running.get(task.job) ?? []), task])
  const found: string[] = []
  for (const job of witness.core.view().jobs()) {
    const tasks = running.get(job.id) ?? []
    const slots = new Set(tasks.map((task) => task.slot))
    running.delete(job.id)
    if (slots.size !== job.count || tasks.length !== job.count)
      found.push(`S4: ${job.id} runs ${tasks.length} tasks in ${slots.size} of ${job.count} slots`)
  }
  for (const [job, tasks] of running) found.push(`S4: deleted ${job} runs ${tasks.length} tasks`)
  return found
}
