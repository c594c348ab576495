/** S1: no node ever runs more than its capacity, looked at whenever a task starts. */
import { dimensions } from '../../protocol/placement/resources.ts'
import type { Host } from '../host.ts'
import type { Simulator } from '../simulator.ts'

/** Called again, it watches the hosts that have come since. */
export function watchCapacity(simulator: Simulator, violations: string[]): void {
  const { hosts } = simulator
  const look = (host: Host) => {
    const used = host.runtime.used()
    for (const name of dimensions)
      if (used[name] > host.capacity[name])
        violations.push(
          `S1 at ${simulator.nowUs} µs: ${host.name} runs ${used[name]} of ${host.capacity[name]} ${name}`,
        )
  }
  for (let i = hosts.length - 1; i >= 0 && hosts[i]!.onStart === undefined; i--)
    hosts[i]!.onStart = look
}
