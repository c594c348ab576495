/**
 * S8: the last node alive still serves, runs its jobs as far as they fit, and the cluster grows again from it.
 * Everyone else loses power at once and stays away, which is as silent as a death can be.
 */
import type { Host } from '../host.ts'
import type { Simulator } from '../simulator.ts'
import type { Workload } from '../workload.ts'
import { divergences } from './convergence.ts'

const second = 1_000_000

export function failuresOfTheLast(simulator: Simulator, workload: Workload, last: Host): string[] {
  const failures: string[] = []
  const before = simulator.hosts.length
  for (const host of simulator.hosts) if (host !== last) host.powerOff()
  const isAlone = () => {
    const { alive, suspect } = last.core.view().counts().members
    return alive + suspect === 1
  }
  // Those watched are given up after fourteen silent seconds, then it is the turn of the next five.
  if (!simulator.runUntil(isAlone, 150 * second)) failures.push('S8: it still counts on the dead')
  const acknowledged = workload.ledger.acknowledged.length
  workload.submit(last, 'late', { count: 2, cpu: 100 })
  const runsLate = () => last.runtime.running().filter(({ job }) => job === 'late').length === 2
  if (!simulator.runUntil(runsLate, 20 * second)) failures.push('S8: a new job does not run')
  if (workload.ledger.acknowledged.length === acknowledged)
    failures.push('S8: the submission was not acknowledged')
  for (const host of simulator.hosts.slice(0, before)) if (host !== last) host.start([last])
  if (!simulator.runUntil(() => divergences(simulator).length === 0, 90 * second))
    failures.push(...divergences(simulator).map((text) => `S8, grown again: ${text}`))
  return failures
}
