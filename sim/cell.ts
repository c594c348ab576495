/** Hosts that know each other at the start and nobody else: their cores share what is equal, and begin with it. */
import type { Host } from './host.ts'
import { type Knowledge, knowledgeOf } from './knowledge.ts'
import { share } from './shared-presence.ts'
import type { Simulator } from './simulator.ts'

export interface Cell {
  readonly hosts: readonly Host[]
  readonly knowledge: Knowledge
}

/** Of so many hosts each, one after the other. */
export function* cellsOf(simulator: Simulator, size: number): Iterable<Cell> {
  for (let first = 0; first < simulator.hosts.length; first += size) {
    const hosts = simulator.hosts.slice(first, first + size)
    if (hosts.length < simulator.hosts.length) separate(simulator, hosts)
    yield { hosts, knowledge: knowledgeOf(simulator, hosts) }
  }
}

/** What is shared is looked through: the less of others is in it, the better. */
function separate({ shared, config }: Simulator, hosts: readonly Host[]): void {
  const own = shared && share(config)
  for (const host of hosts) host.shared = own
}
