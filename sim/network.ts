/**
 * The network between hosts: latency with jitter, loss, duplication, cuts. Links are connections: a killed
 * process resets them within a latency, a cut or a dead machine is silent until a time-out. Direct messages
 * and gossip are lost with the probability of the knob, harsher than TCP, which would deliver late.
 *
 * Gossip is a model, not gossipsub byte for byte: a message reaches each host after one to four hops, some of
 * them twice. Not modelled: bandwidth, queues, the mesh's shape.
 */
import type { Random } from '../protocol/base/random.ts'

export interface NetworkKnobs {
  readonly latencyMinUs: number
  readonly latencyMaxUs: number
  /** Per thousand messages. */
  readonly lossPermille: number
  readonly duplicatePermille: number
}

/** A silent connection is given up after this. */
export const silentCloseUs = 12_000_000
export const redialUs = 500_000

export interface Transit {
  /** When the copies arrive; none is a loss. */
  readonly delaysUs: readonly number[]
}

export class Network {
  knobs: NetworkKnobs
  readonly #random: Random
  /** Side of each host while the network is cut; hosts of different sides do not hear each other. */
  #sides: readonly number[] | undefined
  /** One-way: `from:to` is deaf. */
  readonly #deaf = new Set<string>()
  readonly counts = { sent: 0, lost: 0, duplicated: 0, cut: 0 }

  constructor(knobs: NetworkKnobs, random: Random) {
    this.knobs = knobs
    this.#random = random
  }

  cut(sides: readonly number[]): void {
    this.#sides = sides
  }

  deafen(from: number, to: number): void {
    this.#deaf.add(`${from}:${to}`)
  }

  heal(): void {
    this.#sides = undefined
    this.#deaf.clear()
  }

  reaches(from: number, to: number): boolean {
    if (this.#deaf.has(`${from}:${to}`)) return false
    return this.#sides === undefined || this.#sides[from] === this.#sides[to]
  }

  /** Both directions: what a connection needs. */
  connects(a: number, b: number): boolean {
    return this.reaches(a, b) && this.reaches(b, a)
  }

  latencyUs(): number {
    const { latencyMinUs, latencyMaxUs } = this.knobs
    return latencyMinUs + this.#random.below(latencyMaxUs - latencyMinUs + 1)
  }

  transit(from: number, to: number, hops = 1): Transit {
    this.counts.sent++
    if (!this.reaches(from, to)) {
      this.counts.cut++
      return { delaysUs: [] }
    }
    if (this.#random.chance(this.knobs.lossPermille, 1000)) {
      this.counts.lost++
      return { delaysUs: [] }
    }
    const delaysUs = [this.#delayUs(hops)]
    if (this.#random.chance(this.knobs.duplicatePermille, 1000)) {
      this.counts.duplicated++
      delaysUs.push(this.#delayUs(hops))
    }
    return { delaysUs }
  }

  /** Hops of a gossip message in a mesh of degree six. */
  gossipHops(hosts: number): number {
    const most = hosts <= 7 ? 1 : hosts <= 43 ? 2 : 3
    return 1 + this.#random.below(most)
  }

  #delayUs(hops: number): number {
    let delay = 0
    for (let hop = 0; hop < hops; hop++) delay += this.latencyUs()
    return delay
  }
}
