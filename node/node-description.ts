/** What this node says of itself in its record, and knows of what it runs. */
import { isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { isEnded } from '../protocol/placement/allocation.ts'
import { durationMs } from '../protocol/placement/job.ts'
import type { NodeBody } from '../protocol/placement/node-body.ts'
import type { Resources } from '../protocol/placement/resources.ts'
import type { ClusterView } from '../protocol/view.ts'
import { isLoopback } from './api/auth.ts'
import { toMultiaddr } from './network/address.ts'
import type { Settings } from './settings.ts'
import { version } from './version.ts'

type Place = Pick<Settings, 'advertise' | 'listen'>

/** Where others reach this node, and its tasks: as told, else the address listened on, else the machine's first. */
export function hostOf({ advertise, listen }: Place): string {
  if (advertise !== undefined) return advertise
  return isWildcard(listen.host) ? (firstAddress() ?? '127.0.0.1') : listen.host
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function firstAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.find(({ address, internal }) => !internal && isIPv4(address))?.address
}

/** What the network is to tell others instead of what it listens on; empty where that will do. */
export function announced({ advertise, listen }: Place): string[] {
  return advertise === undefined ? [] : [toMultiaddr({ host: advertise, port: listen.port })]
}

/** Best first. Another machine's loopback is of no use to anyone. */
export function reachable(addresses: readonly string[], host: string): string[] {
  const isLocal = isLoopback(host)
  const [best, others] = [[] as string[], [] as string[]]
  for (const address of addresses) {
    const at = address.split('/')[2] ?? ''
    if (at === host) best.push(address)
    else if (isLocal || !isLoopback(at)) others.push(address)
  }
  return [...best, ...others]
}

export interface Offer {
  readonly addresses: readonly string[]
  readonly capacity: Resources
  readonly runtimes: NodeBody['runtimes']
  readonly troubles: readonly string[]
}

export function describeNode(settings: Settings, offer: Offer): NodeBody {
  const host = hostOf(settings)
  return {
    name: settings.name,
    addresses: reachable(offer.addresses, host),
    labels: settings.labels,
    capacity: offer.capacity,
    runtimes: offer.runtimes,
    ...(offer.troubles.length > 0 && { troubles: offer.troubles }),
    host,
    version,
    awayUntil: null,
  }
}

/** Of the tasks that this node runs: each may take its grace to end. */
export function longestGraceMs(view: ClusterView): number {
  const held = view.allocations({ member: view.self }).filter(({ body }) => !isEnded(body.state))
  const tasks = held.flatMap(({ body }) => view.job(body.job)?.spec.tasks ?? [])
  return Math.max(0, ...tasks.map((task) => durationMs(task.stopGrace)))
}
