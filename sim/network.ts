/**
 * The network between hosts: latency with jitter, loss, duplication, cuts. Links are connections: a killed
 * process resets them within a latency, a cut or a dead machine is silent until a time-out. Direct messages
 * and gossip are lost with the probability of the knob, harsher than TCP, which would deliver late.
 *
 * Gossip is a model, not gossipsub byte for byte: a message reaches each host after one to four hops, some of
 * them twice. Not modelled: bandwidth, queues, the mesh's shape.
 */
import type { Random } from '../protocol/base/random.ts'
import type { LinkPlan, NetworkPlan } from './scenario/plan.ts'
import type { Range } from './scenario/quantity.ts'
import type { Topology } from './topology.ts'

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

/** While it stands, what the ones send does not arrive at the others. Two of them make a cut. */
export class Barrier {
  readonly from: ReadonlySet<number>
  readonly to: ReadonlySet<number>
  /** Messages that it stopped: a fault that stops none has no effect. */
  blocked = 0

  constructor(from: ReadonlySet<number>, to: ReadonlySet<number>) {
    this.from = from
    this.to = to
  }

  stands(from: number, to: number): boolean {
    return this.from.has(from) && this.to.has(to)
  }
}

/** Where each host is, and what the links are like by how near two hosts are. */
export interface Geography {
  readonly topology: Topology
  readonly plan: NetworkPlan
}

export class Network {
  readonly #links: (from: number, to: number) => LinkPlan
  readonly #random: Random
  readonly #barriers = new Set<Barrier>()
  /** Hosts on whose links more is lost than on others, in parts per million. */
  readonly #lossy = new Map<number, number>()
  /** Slow hosts: what goes to or from them takes so much longer. */
  readonly #lag = new Map<number, Range>()
  readonly counts = { sent: 0, lost: 0, lostByFault: 0, duplicated: 0, cut: 0, lagged: 0 }

  constructor(knobs: NetworkKnobs, random: Random, geography?: Geography) {
    this.#random = random
    const same = uniform(knobs)
    this.#links =
      geography === undefined
        ? () => same
        : (from, to) => geography.plan[geography.topology.nearness(from, to)]
  }

  raise(barrier: Barrier): void {
    this.#barriers.add(barrier)
  }

  lower(barrier: Barrier): void {
    this.#barriers.delete(barrier)
  }

  /** Undefined: as the links are. */
  setLoss(host: number, ppm: number | undefined): void {
    if (ppm === undefined) this.#lossy.delete(host)
    else this.#lossy.set(host, ppm)
  }

  setLag(host: number, delayUs: Range | undefined): void {
    if (delayUs === undefined) this.#lag.delete(host)
    else this.#lag.set(host, delayUs)
  }

  reaches(from: number, to: number): boolean {
    return this.#barriers.size === 0 || this.#barrierBetween(from, to) === undefined
  }

  #barrierBetween(from: number, to: number): Barrier | undefined {
    for (const barrier of this.#barriers) if (barrier.stands(from, to)) return barrier
    return undefined
  }

  /** Both directions: what a connection needs. */
  connects(a: number, b: number): boolean {
    return this.reaches(a, b) && this.reaches(b, a)
  }

  latencyUs(from: number, to: number): number {
    return this.#latencyUs(this.#links(from, to))
  }

  transit(from: number, to: number, hops = 1): Transit {
    this.counts.sent++
    const barrier = this.#barriers.size === 0 ? undefined : this.#barrierBetween(from, to)
    if (barrier !== undefined) {
      this.counts.cut++
      barrier.blocked++
      return { delaysUs: [] }
    }
    const link = this.#links(from, to)
    if (this.#loses(link, from, to)) return { delaysUs: [] }
    const lagUs = this.#lag.size === 0 ? 0 : this.#lagUs(from) + this.#lagUs(to)
    const delaysUs = [lagUs + this.#delayUs(link, hops)]
    if (this.#random.chance(link.duplicatePpm, 1_000_000)) {
      this.counts.duplicated++
      delaysUs.push(lagUs + this.#delayUs(link, hops))
    }
    return { delaysUs }
  }

  #lagUs(host: number): number {
    const range = this.#lag.get(host)
    if (range === undefined) return 0
    this.counts.lagged++
    return range.min + this.#random.below(range.max - range.min + 1)
  }

  #loses(link: LinkPlan, from: number, to: number): boolean {
    if (this.#random.chance(link.lossPpm, 1_000_000)) {
      this.counts.lost++
      return true
    }
    if (this.#lossy.size === 0) return false
    const ppm = Math.max(this.#lossy.get(from) ?? 0, this.#lossy.get(to) ?? 0)
    if (!this.#random.chance(ppm, 1_000_000)) return false
    this.counts.lostByFault++
    return true
  }

  /** Hops of a gossip message in a mesh of degree six. */
  gossipHops(hosts: number): number {
    const most = hosts <= 7 ? 1 : hosts <= 43 ? 2 : 3
    return 1 + this.#random.below(most)
  }

  #delayUs(link: LinkPlan, hops: number): number {
    let delay = 0
    for (let hop = 0; hop < hops; hop++) delay += this.#latencyUs(link)
    return delay
  }

  #latencyUs({ latencyMinUs, latencyMaxUs, jitterUs }: LinkPlan): number {
    const latency = latencyMinUs + this.#random.below(latencyMaxUs - latencyMinUs + 1)
    return jitterUs === 0 ? latency : latency + this.#random.below(jitterUs + 1)
  }
}

function uniform(knobs: NetworkKnobs): LinkPlan {
  const { latencyMinUs, latencyMaxUs, lossPermille, duplicatePermille } = knobs
  return {
    latencyMinUs,
    latencyMaxUs,
    jitterUs: 0,
    bytesPerSecond: undefined,
    lossPpm: 1000 * lossPermille,
    duplicatePpm: 1000 * duplicatePermille,
  }
}
