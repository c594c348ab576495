/** One node's Backend on the cluster in memory. */
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import type { AgentEvent, Backend } from '../../../node/api/backend.ts'
import {
  type LogOptions,
  RuntimeFailure,
  type TaskRef,
  type TaskStats,
} from '../../../node/runtime/runtime.ts'
import type { MemberId } from '../../../protocol/base/id.ts'
import { defaultConfig } from '../../../protocol/config.ts'
import type { Command, Reply } from '../../../protocol/request.ts'
import type { ClusterView } from '../../../protocol/view.ts'
import { type MemoryCluster, memberNamed } from './memory-cluster.ts'
import { createMemoryView } from './memory-view.ts'

export class MemoryBackend implements Backend {
  readonly self: MemberId
  readonly version = '0.1.0'
  readonly config = defaultConfig
  token: string | undefined
  isReady = true
  currentTroubles: readonly string[] = []
  readonly #cluster: MemoryCluster

  constructor(cluster: MemoryCluster, name: string) {
    this.#cluster = cluster
    this.self = memberNamed(name)
  }

  view(): ClusterView {
    return createMemoryView(this.#cluster, this.self)
  }

  async request(command: Command): Promise<Reply> {
    return this.#cluster.request(command)
  }

  async *logs(ref: TaskRef, options: LogOptions): AsyncGenerator<Uint8Array> {
    const key = `${ref.allocation}/${ref.task}`
    const lines = () => this.#cluster.output.get(key) ?? []
    if (lines().length === 0 && !options.follow)
      throw new RuntimeFailure('task-missing', `nothing is kept of ${key}`, true)
    let sent = options.tail === undefined ? 0 : Math.max(0, lines().length - options.tail)
    while (true) {
      for (const line of lines().slice(sent)) yield Buffer.from(line)
      sent = lines().length
      if (!options.follow || options.signal.aborted) return
      const next = once(this.#cluster.written, key, { signal: options.signal })
      if (!(await next.then(Boolean, () => false))) return
    }
  }

  async stats(_ref: TaskRef): Promise<TaskStats | undefined> {
    return { cpu: 12.5, memory: 34 }
  }

  async openStream(member: MemberId, _signal: AbortSignal): Promise<Duplex> {
    const open = this.#cluster.doors.get(member)
    if (open === undefined) throw new Error('connection refused')
    return open()
  }

  async findProviders(service: string): Promise<MemberId[]> {
    return this.#cluster.providers.get(service) ?? []
  }

  subscribe(listener: (event: AgentEvent) => void): () => void {
    this.#cluster.events.on('event', listener)
    return () => this.#cluster.events.off('event', listener)
  }

  async metrics(): Promise<string> {
    return '# TYPE starling_jobs gauge\nstarling_jobs 1\n'
  }

  ready(): boolean {
    return this.isReady
  }

  troubles(): readonly string[] {
    return this.currentTroubles
  }
}
