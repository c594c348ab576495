/**
 * Events for those who follow them. The last ones are kept in a ring, so that a client that comes back with
 * the id of the last one it had misses nothing that is still there, and is told when it did miss something.
 * A client that reads too slowly is dropped rather than waited for: it comes back the same way.
 *
 * An id is `<life>.<number>`: the number counts from 1 in each life of the agent, and the life tells a client
 * that comes back after a restart that its number means nothing here.
 */
import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { limits } from '../../protocol/limits.ts'
import type { AgentEvent } from './backend.ts'

/** As a client sees it. */
export interface PublicEvent {
  readonly id: string
  readonly at: number
  readonly type: string
  readonly [field: string]: unknown
}

interface Entry {
  readonly event: PublicEvent
  readonly frame: string
}

export interface Follower {
  readonly response: ServerResponse
  readonly wants: (event: PublicEvent) => boolean
}

export class EventFeed {
  readonly #life = randomBytes(4).toString('hex')
  readonly #present: (event: AgentEvent) => { type: string; [field: string]: unknown }
  readonly #keepAlive: NodeJS.Timeout
  readonly #followers = new Set<Follower>()
  #ring: Entry[] = []

  constructor(
    present: (event: AgentEvent) => { type: string; [field: string]: unknown },
    keepAliveMs: number,
  ) {
    this.#present = present
    this.#keepAlive = setInterval(() => this.#toAll(': keep-alive\n\n'), keepAliveMs).unref()
  }

  get isFull(): boolean {
    return this.#followers.size >= limits.eventClients
  }

  publish(event: AgentEvent): void {
    const { type, ...fields } = this.#present(event)
    const shown = { id: `${this.#life}.${event.id}`, at: event.at, type, ...fields }
    const entry = { event: shown, frame: frameOf(shown.id, type, shown) }
    this.#ring.push(entry)
    if (this.#ring.length >= 2 * limits.eventsKept) this.#ring = this.#kept()
    for (const follower of this.#followers)
      if (follower.wants(entry.event)) this.#write(follower, entry.frame)
  }

  /** Sends what is kept after `lastId`, or the last `tail` ones. */
  replay(follower: Follower, lastId: string | undefined, tail: number): void {
    const kept = this.#kept()
    const wanted = (entries: readonly Entry[]) =>
      entries.filter(({ event }) => follower.wants(event)).map(({ frame }) => frame)
    if (lastId === undefined) {
      const frames = tail === 0 ? [] : wanted(kept).slice(-tail)
      return this.#write(follower, frames.join(''))
    }
    const seen = kept.findIndex(({ event }) => event.id === lastId)
    const missed = seen < 0 && !this.#isJustBefore(lastId, kept[0])
    const gap = missed ? frameOf(undefined, 'gap', { type: 'gap', after: lastId }) : ''
    this.#write(follower, gap + wanted(kept.slice(seen + 1)).join(''))
  }

  follow(follower: Follower): void {
    this.#followers.add(follower)
    follower.response.once('close', () => this.#followers.delete(follower))
  }

  close(): void {
    clearInterval(this.#keepAlive)
    for (const { response } of this.#followers) response.end()
  }

  #kept(): Entry[] {
    return this.#ring.slice(-limits.eventsKept)
  }

  #isJustBefore(lastId: string, first: Entry | undefined): boolean {
    const [life, number] = lastId.split('.')
    if (life !== this.#life) return false
    return first === undefined || first.event.id === `${life}.${Number(number) + 1}`
  }

  #toAll(frame: string): void {
    for (const follower of this.#followers) this.#write(follower, frame)
  }

  #write(follower: Follower, frame: string): void {
    const { response } = follower
    if (frame === '' || response.writableEnded) return
    response.write(frame)
    if (response.writableLength <= limits.eventClientBytes) return
    this.#followers.delete(follower)
    response.destroy()
  }
}

function frameOf(id: string | undefined, type: string, data: unknown): string {
  const named = id === undefined ? '' : `id: ${id}\n`
  return `${named}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`
}
