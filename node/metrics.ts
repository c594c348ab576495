/**
 * The metrics, for Prometheus. Everything is read when it is asked for: counters that others keep anyway, and
 * counts of the view. Only notifications are counted as they pass.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Notification } from '../protocol/effect.ts'
import type { ClusterView } from '../protocol/view.ts'
import type { Driver } from './driver.ts'
import type { Network } from './network/network.ts'
import type { JournalCounters } from './storage/journal.ts'
import { version } from './version.ts'

export interface MetricSources {
  readonly driver: Driver
  readonly network: Pick<Network, 'counters'>
  readonly journal: { readonly counters: JournalCounters }
  view(): ClusterView
}

type Samples = () => number | { readonly [label: string]: number }

export class Metrics {
  readonly #registry = new Registry()
  readonly #notifications: Counter

  constructor(sources: MetricSources) {
    // At its default it wakes an idle process a hundred times a second, which was half of what an agent cost.
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: 1000 })
    this.#notifications = new Counter({
      name: 'starling_notifications_total',
      help: 'What the core told of, by type',
      labelNames: ['type'],
      registers: [this.#registry],
    })
    this.#addDriver(sources)
    this.#addNetwork(sources)
    this.#addCluster(sources)
  }

  count(notification: Notification): void {
    this.#notifications.inc({ type: notification.type })
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  #addDriver({ driver, journal }: MetricSources): void {
    const { counters } = driver
    this.#total('steps', 'Events that the core has taken', () => counters.steps)
    this.#total('effects', 'Effects that it has asked for', () => counters.effects)
    this.#total('busy_seconds', 'Time in the core and its effects', () => counters.busySeconds)
    this.#total('late_ticks', 'Timers that fired late', () => counters.lateTicks)
    this.#total('overloaded', 'Events refused by a full queue', () => counters.overloaded)
    this.#gauge('queued_events', 'Events that wait for the core', () => driver.queued)
    this.#gauge('pending_requests', 'Local writes not yet answered', () => driver.pendingRequests)
    this.#total('persist_batches', 'Fsyncs of the journal', () => journal.counters.batches)
    this.#total('persist_writes', 'Records written', () => journal.counters.writes)
    this.#total('persist_failures', 'Batches that failed', () => journal.counters.failures)
    this.#total('persist_seconds', 'Time in fsyncs', () => journal.counters.seconds)
    this.#gauge('build_info', 'The version', () => ({ [version]: 1 }), 'version')
  }

  #addNetwork({ network }: MetricSources): void {
    const read = () => network.counters()
    this.#gauge('links', 'Members linked', () => read().links)
    this.#total('messages_sent', 'Direct messages', () => read().sent)
    this.#total('messages_received', 'Direct messages', () => read().received)
    this.#total('message_bytes_sent', 'Of direct messages', () => read().bytesSent)
    this.#total('message_bytes_received', 'Of direct messages', () => read().bytesReceived)
    this.#total('gossip_published', 'Broadcasts of our own', () => read().published)
    this.#total('gossip_published_copies', 'To neighbours', () => read().publishedCopies)
    this.#total('gossip_received', 'Broadcasts of others', () => read().gossipReceived)
    this.#total('network_dropped', 'Dropped by the network', () => read().dropped, 'reason')
  }

  #addCluster({ view }: MetricSources): void {
    const counts = () => view().counts()
    this.#gauge('members', 'As this node sees them', () => counts().members, 'state')
    this.#gauge('records', 'Of the replicated state', () => counts().records)
    this.#gauge('tombstones', 'Among the records', () => counts().tombstones)
    this.#gauge('jobs', 'In the cluster', () => counts().jobs)
    this.#gauge('allocations', 'On this node', () => allocationsByState(view()), 'state')
    this.#total('rejections', 'Messages refused', () => counts().rejections, 'reason')
    this.#gauge('storage_failed', '1 while the disk refuses writes', () =>
      counts().storageFailed ? 1 : 0,
    )
  }

  #gauge(name: string, help: string, samples: Samples, label?: string): void {
    const gauge: Gauge = new Gauge({
      name: `starling_${name}`,
      help,
      labelNames: label === undefined ? [] : [label],
      registers: [this.#registry],
      collect: () => {
        gauge.reset()
        for (const [value, amount] of labelled(samples()))
          if (label === undefined) gauge.set(amount)
          else gauge.set({ [label]: value }, amount)
      },
    })
  }

  /** A counter that somebody else counts. */
  #total(name: string, help: string, samples: Samples, label?: string): void {
    const counter: Counter = new Counter({
      name: `starling_${name}_total`,
      help,
      labelNames: label === undefined ? [] : [label],
      registers: [this.#registry],
      collect: () => {
        counter.reset()
        for (const [value, amount] of labelled(samples()))
          if (label === undefined) counter.inc(amount)
          else counter.inc({ [label]: value }, amount)
      },
    })
  }
}

function labelled(samples: ReturnType<Samples>): [string, number][] {
  return typeof samples === 'number' ? [['', samples]] : Object.entries(samples)
}

function allocationsByState(view: ClusterView): { [state: string]: number } {
  const counts: { [state: string]: number } = {}
  for (const { state } of view.allocations({ member: view.self }))
    counts[state] = (counts[state] ?? 0) + 1
  return counts
}
