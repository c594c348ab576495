/** What the HTTP API needs of the agent that it fronts. */
import type { Duplex } from 'node:stream'
import type { MemberId } from '../../protocol/base/id.ts'
import type { Config } from '../../protocol/config.ts'
import type { Notification } from '../../protocol/effect.ts'
import type { Command, Reply } from '../../protocol/request.ts'
import type { ClusterView } from '../../protocol/view.ts'
import type { LogOptions, TaskRef, TaskStats } from '../runtime/runtime.ts'

export interface Backend {
  readonly self: MemberId
  readonly version: string
  readonly config: Config
  /** Undefined: no token is asked for. */
  readonly token: string | undefined
  view(): ClusterView
  request(command: Command): Promise<Reply>
  /** Of a task that this node runs. */
  logs(ref: TaskRef, options: LogOptions): AsyncIterable<Uint8Array>
  stats(ref: TaskRef): Promise<TaskStats | undefined>
  /** A connection to another agent's API, for what only that agent can answer. */
  openStream(member: MemberId, signal: AbortSignal): Promise<Duplex>
  /** Providers of a service by the DHT, as far as it answers within the time. */
  findProviders(service: string, timeoutMs: number): Promise<MemberId[]>
  /** Until the returned function is called. */
  subscribe(listener: (event: AgentEvent) => void): () => void
  /** Prometheus text. */
  metrics(): Promise<string>
  /** False until the journal is loaded and what runs has been adopted, and once it leaves. */
  ready(): boolean
  /** What keeps this node from running tasks that it should, for a person. */
  troubles(): readonly string[]
}

export interface AgentEvent {
  /** Of this agent's life; for `Last-Event-ID`. */
  readonly id: number
  /** Unix time. */
  readonly at: number
  readonly notification: Notification
}
