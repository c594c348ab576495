/** The agent as the HTTP API sees it. */
import type { MemberId } from '../protocol/base/id.ts'
import type { Config } from '../protocol/config.ts'
import type { ClusterView } from '../protocol/view.ts'
import type { Backend } from './api/backend.ts'
import type { Driver } from './driver.ts'
import type { Metrics } from './metrics.ts'
import type { Network } from './network/network.ts'
import type { Notifications } from './notifications.ts'
import type { Runtimes } from './runtime/runtimes.ts'
import { version } from './version.ts'

export interface BackendParts {
  readonly self: MemberId
  readonly token: string | undefined
  readonly config: Config
  readonly driver: Driver
  readonly network: Network
  readonly runtimes: Runtimes
  readonly notifications: Notifications
  readonly metrics: Metrics
  view(): ClusterView
  ready(): boolean
}

export function createBackend(parts: BackendParts): Backend {
  const { driver, network, runtimes, notifications, metrics } = parts
  return {
    self: parts.self,
    version,
    token: parts.token,
    config: parts.config,
    view: () => parts.view(),
    request: (command) => driver.request(command),
    logs: (ref, options) => runtimes.logs(ref, options),
    stats: (ref) => runtimes.stats(ref),
    openStream: (member, signal) => network.openStream(member, signal),
    findProviders: (service, timeoutMs) => collectProviders(network, service, timeoutMs),
    subscribe: (listener) => notifications.subscribe(listener),
    metrics: () => metrics.text(),
    ready: () => parts.ready(),
    troubles: () => runtimes.troubles(),
  }
}

/** What the DHT found by then; its failures and the time-out end the list, no more. */
async function collectProviders(
  network: Network,
  service: string,
  timeoutMs: number,
): Promise<MemberId[]> {
  const found = new Set<MemberId>()
  try {
    for await (const member of network.findProviders(service, AbortSignal.timeout(timeoutMs)))
      found.add(member)
  } catch {
    // A hint that did not come.
  }
  return [...found]
}
