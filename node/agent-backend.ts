/** The agent as its HTTP API sees it. */
import type { MemberId } from '../protocol/base/id.ts'
import type { ClusterView } from '../protocol/view.ts'
import type { Backend } from './api/backend.ts'
import type { Driver } from './driver.ts'
import type { Metrics } from './metrics.ts'
import type { Network } from './network/network.ts'
import type { Notifications } from './notifications.ts'
import type { Runtimes } from './runtime/runtimes.ts'

export interface AgentParts {
  readonly driver: Driver
  readonly runtimes: Runtimes
  readonly network: Network
  readonly notifications: Notifications
  readonly metrics: Metrics
  view(): ClusterView
}

export function createBackend(
  { self, version, token }: Pick<Backend, 'self' | 'version' | 'token'>,
  { driver, runtimes, network, notifications, metrics, view }: AgentParts,
  ready: () => boolean,
): Backend {
  return {
    self,
    version,
    token,
    view,
    ready,
    request: (command) => driver.request(command),
    logs: (ref, options) => runtimes.logs(ref, options),
    stats: (ref) => runtimes.stats(ref),
    openStream: (member, signal) => network.openStream(member, signal),
    findProviders: (service, timeoutMs) => findProviders(network, service, timeoutMs),
    subscribe: (listener) => notifications.subscribe(listener),
    metrics: () => metrics.text(),
  }
}

/** What the DHT said in time; an ended wait is not an error. */
async function findProviders(
  network: Network,
  service: string,
  timeoutMs: number,
): Promise<MemberId[]> {
  const found = new Set<MemberId>()
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    for await (const member of network.findProviders(service, signal)) found.add(member)
  } catch (error) {
    if (!signal.aborted) throw error
  }
  return [...found]
}
