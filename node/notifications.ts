/** Hands what the core notifies to whoever follows: the log, the metrics, clients of `/v1/events`. */
import type { Notification } from '../protocol/effect.ts'
import type { AgentEvent } from './api/backend.ts'

export type Listener = (event: AgentEvent) => void

export class Notifications {
  readonly #listeners = new Set<Listener>()
  readonly #now: () => number
  #lastId = 0

  constructor(now: () => number) {
    this.#now = now
  }

  publish(notification: Notification): void {
    const event = { id: ++this.#lastId, at: this.#now(), notification }
    for (const listener of this.#listeners) listener(event)
  }

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
}
