/** One TCP connection between two agents, as both ends see it: what each direction holds, and who has forgotten it. */
import type { Event } from '../protocol/event.ts'
import type { Host } from './host.ts'

/** An event of the receiver's core, or the number of a gossip message. */
export type Payload = Event | number

export class Way {
  /** What is sent later does not arrive before this. */
  lastArrivalUs = 0
  /** Sent and not through; undefined while it flows. */
  held: Payload[] | undefined
  stalledUs = 0
  retries = 0
  /** Lost so often that the connection ends first. */
  isDoomed = false
  /** Since when nothing was acknowledged, and how much was sent since; -1 while the other direction is whole. */
  unackedSinceUs = -1
  unacked = 0
}

export class Connection {
  readonly a: Host
  readonly b: Host
  /** Who dialled. */
  readonly opener: Host
  readonly openedUs: number
  /** Attempts that failed before it. */
  readonly failures: number
  /** When it last carried a message of the core's. */
  usedUs: number
  isWatched = false
  /** The end that no longer has it: the other one learns of it sooner or later. */
  forgottenBy: Host | undefined
  readonly #lives: readonly [number, number]
  readonly #forth = new Way()
  readonly #back = new Way()

  constructor(opener: Host, other: Host, nowUs: number, failures: number) {
    this.opener = opener
    this.a = opener
    this.b = other
    this.#lives = [opener.life, other.life]
    this.openedUs = nowUs
    this.usedUs = nowUs
    this.failures = failures
  }

  other(host: Host): Host {
    return host === this.a ? this.b : this.a
  }

  /** What this host sends. */
  way(from: Host): Way {
    return from === this.a ? this.#forth : this.#back
  }

  /** The agent that had it still runs. */
  isOf(host: Host): boolean {
    return host.isUp && host.life === this.#lives[host === this.a ? 0 : 1]
  }
}
