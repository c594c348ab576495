/** One TCP connection between two agents, as both ends see it: what each direction holds, and who has forgotten it. */
import type { Event } from '../protocol/event.ts'
import type { Host } from './host.ts'
import { WayIndex } from './way-index.ts'

/** An event of the receiver's core, or the number of a gossip message. */
export type Payload = Event | number

export class Way {
  /** Its number among all. */
  readonly number: number
  /** Sent and not through; undefined while it flows. */
  held: Payload[] | undefined
  stalledUs = 0
  retries = 0
  /** Lost so often that the connection ends first. */
  isDoomed = false
  /** Since when nothing was acknowledged, and how much was sent since; -1 while the other direction is whole. */
  unackedSinceUs = -1
  unacked = 0

  constructor(number: number) {
    this.number = number
  }
}

export class Connection {
  readonly a: Host
  readonly b: Host
  /** Who dialled. */
  readonly opener: Host
  readonly openedUs: number
  /** Attempts that failed before it. */
  readonly failures: number
  /** Among all connections; its ways have twice the number, and one more. */
  readonly number: number
  isWatched = false
  /** The end that no longer has it: the other one learns of it sooner or later. */
  forgottenBy: Host | undefined
  readonly #lives: readonly [number, number]
  readonly #forth: Way
  readonly #back: Way

  constructor(
    number: number,
    { opener, other }: { opener: Host; other: Host },
    nowUs: number,
    failures: number,
  ) {
    this.number = number
    this.#forth = new Way(2 * number)
    this.#back = new Way(2 * number + 1)
    this.opener = opener
    this.a = opener
    this.b = other
    this.#lives = [opener.life, other.life]
    this.openedUs = nowUs
    this.failures = failures
  }

  other(host: Host): Host {
    return host === this.a ? this.b : this.a
  }

  /** What this host sends. */
  way(from: Host): Way {
    return from === this.a ? this.#forth : this.#back
  }

  /** Nothing is held, everything is acknowledged, and both ends have it. */
  get isWhole(): boolean {
    const [forth, back] = [this.#forth, this.#back]
    if (this.forgottenBy !== undefined || forth.held || back.held) return false
    return forth.unackedSinceUs < 0 && back.unackedSinceUs < 0
  }

  /** The agent that had it still runs. */
  isOf(host: Host): boolean {
    return host.isUp && host.life === this.#lives[host === this.a ? 0 : 1]
  }
}

/** Of each host the connections that it has not forgotten, by the other's index. */
export class Ends {
  readonly #open: (Map<number, Connection> | undefined)[] = []
  readonly #ways = new WayIndex()

  /** A host that sleeps remembers them first. */
  of(host: Host): ReadonlyMap<number, Connection> {
    host.wakeUp()
    return this.#held(host)
  }

  /** Of the way from one that is awake to the other; -1 where there is none. */
  wayBetween(from: number, to: number): number {
    return this.#ways.get(from, to)
  }

  add(connection: Connection): void {
    const { a, b, number } = connection
    this.#ways.set(a.index, b.index, 2 * number)
    this.#ways.set(b.index, a.index, 2 * number + 1)
    this.#held(a).set(b.index, connection)
    this.#held(b).set(a.index, connection)
  }

  delete(connection: Connection, host: Host): void {
    host.wakeUp()
    const other = connection.other(host)
    this.#held(host).delete(other.index)
    this.#ways.delete(host.index, other.index)
  }

  has(connection: Connection, host: Host): boolean {
    return this.of(host).get(connection.other(host).index) === connection
  }

  /** By index, so that what follows does not depend on the order of opening. */
  sorted(host: Host): Connection[] {
    const all = [...this.of(host).values()]
    return all.sort((a, b) => a.other(host).index - b.other(host).index)
  }

  #held(host: Host): Map<number, Connection> {
    this.#open[host.index] ??= new Map()
    return this.#open[host.index]!
  }
}
