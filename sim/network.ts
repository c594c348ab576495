/**
 * What the wires between hosts do: latency by how near two hosts are (a pair's own, and jitter on top), the queue at
 * the sender's port, packets lost, directions that are cut, hosts that are slow to read. What becomes of a
 * connection on such wires is in links.ts: TCP makes a lost packet a late one. Datagrams are lost and doubled as
 * they are; only the baselines use them.
 *
 * Each host draws from a stream of its own, so that what one sends does not change what befalls another. Not
 * modelled: queues inside the network, routes that change, congestion control: a flow takes its bandwidth at once.
 */
import { mix32 } from '../protocol/base/hash.ts'
import { Random } from '../protocol/base/random.ts'
import { networkLimits as limits } from './limits.ts'
import type { LinkPlan, NetworkPlan } from './scenario/plan.ts'
import type { Range } from './scenario/quantity.ts'
import type { Topology } from './topology.ts'

export interface NetworkKnobs {
  readonly latencyMinUs: number
  readonly latencyMaxUs: number
  /** Per thousand packets. */
  readonly lossPermille: number
  /** Per thousand datagrams. */
  readonly duplicatePermille: number
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

/**
 * Linux: the least retransmission time-out, on top of the round trip; it doubles up to the most. Before the first
 * round trip is measured it is a second (RFC 6298, 2.1).
 */
const rtoUs = 200_000
const synRtoUs = 1_000_000
const rtoMaxUs = 120_000_000
/** What a packet carries. */
const packetBytes = 1448
/** Hosts whose streams of chance are together: 2 to the power of this. */
const randomsBits = 10
const million = 1_000_000

export class Network {
  readonly #links: (from: number, to: number) => LinkPlan
  readonly #seed: number
  /** The states of so many hosts' streams each, beside each other: every message draws from one. */
  readonly #randoms: Int32Array[] = []
  readonly #barriers = new Set<Barrier>()
  /** Hosts on whose links more is lost than on others, in parts per million. */
  readonly #lossy = new Map<number, number>()
  readonly #lag = new Map<number, Range>()
  /** When each host's port has sent what it was given. */
  readonly #freeAtUs: number[] = []
  /**
   * sent: messages given to the wires; bytes: of those whose size is looked at. lost: packets, each of which made
   * its message late; lostByFault: of those, by a fault. late: messages so delayed. cut: messages that met a
   * barrier. lagged: read late by a slow host. queued: waited at the sender's port. queueFull: dropped there.
   */
  readonly counts = {
    sent: 0,
    bytes: 0,
    lost: 0,
    lostByFault: 0,
    late: 0,
    cut: 0,
    lagged: 0,
    queued: 0,
    queueFull: 0,
  }
  /** Whether the size of a message makes a difference. */
  readonly looksAtBytes: boolean
  readonly datagrams = { sent: 0, lost: 0, doubled: 0 }

  constructor(knobs: NetworkKnobs, random: Random, geography?: Geography) {
    this.#seed = random.uint32()
    const same = uniform(knobs)
    const plans = geography === undefined ? [same] : Object.values(geography.plan)
    this.looksAtBytes = plans.some((plan) => plan.bytesPerSecond !== undefined)
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

  /** The host comes to each message so much later; undefined: at once. */
  setLag(host: number, delayUs: Range | undefined): void {
    if (delayUs === undefined) this.#lag.delete(host)
    else this.#lag.set(host, delayUs)
  }

  /** Some messages do not arrive. */
  get isBarred(): boolean {
    return this.#barriers.size > 0
  }

  reaches(from: number, to: number): boolean {
    if (this.#barriers.size === 0) return true
    for (const barrier of this.#barriers) if (barrier.stands(from, to)) return false
    return true
  }

  /** Both directions: what a connection needs. */
  connects(a: number, b: number): boolean {
    return this.reaches(a, b) && this.reaches(b, a)
  }

  /** A message met what stands between the two. */
  block(from: number, to: number): void {
    this.counts.cut++
    for (const barrier of this.#barriers) if (barrier.stands(from, to)) barrier.blocked++
  }

  /** One way, now. */
  latencyUs(from: number, to: number): number {
    return this.#latencyUs(this.#links(from, to), from, to)
  }

  /** The host's own stream of chance. */
  randomOf(host: number): Random {
    this.#randoms[host >> randomsBits] ??= new Int32Array(4 << randomsBits)
    const words = this.#randoms[host >> randomsBits]!
    const seed = mix32(this.#seed ^ Math.imul(host + 1, 0x9e3779b1))
    return new Random(seed, words, 4 * (host & ((1 << randomsBits) - 1)))
  }

  /**
   * From the sender's program to the receiver's, over a connection: what waits at the port, the latency,
   * retransmissions, a slow reader. Infinity when the connection would be given up first; undefined when
   * the port's queue is full.
   */
  transitUs(from: number, to: number, bytes: number, nowUs: number): number | undefined {
    this.counts.sent++
    this.counts.bytes += bytes
    const link = this.#links(from, to)
    const queueUs = link.bytesPerSecond === undefined ? 0 : this.#queueUs(from, bytes, link, nowUs)
    if (queueUs === undefined) {
      this.counts.queueFull++
      return undefined
    }
    const latencyUs = this.#latencyUs(link, from, to)
    const packets = Math.max(1, Math.ceil(bytes / packetBytes))
    const lateUs = this.#retransmissionUs(link, from, to, {
      packets,
      waitUs: rtoUs + 2 * latencyUs,
    })
    if (lateUs > 0) this.counts.late++
    const lagUs = this.#lag.size === 0 ? 0 : this.#lagUs(from) + this.#lagUs(to)
    return queueUs + latencyUs + lateUs + lagUs
  }

  /** A connection that opens: so many round trips, the first of which is TCP's own. */
  openingUs(from: number, to: number, roundTrips: number): number {
    const link = this.#links(from, to)
    const roundTripUs = 2 * this.#latencyUs(link, from, to)
    let us = roundTrips * roundTripUs
    for (let packet = 0; packet < 2 * roundTrips; packet++) {
      const waitUs = packet < 2 ? synRtoUs : rtoUs + roundTripUs
      us += this.#retransmissionUs(link, from, to, { packets: 1, waitUs })
    }
    return us
  }

  /** Calls `arrive` for each copy: none, one, or two. */
  datagram(from: number, to: number, arrive: (delayUs: number) => void): void {
    this.datagrams.sent++
    const link = this.#links(from, to)
    if (!this.reaches(from, to)) return this.block(from, to)
    if (this.#isLost(link, from, to, 1)) {
      this.datagrams.lost++
      return
    }
    arrive(this.#latencyUs(link, from, to))
    if (link.duplicatePpm === 0 || !this.randomOf(from).chance(link.duplicatePpm, million)) return
    this.datagrams.doubled++
    arrive(this.#latencyUs(link, from, to))
  }

  #queueUs(
    from: number,
    bytes: number,
    { bytesPerSecond = 1 }: LinkPlan,
    nowUs: number,
  ): number | undefined {
    const waitUs = Math.max(0, (this.#freeAtUs[from] ?? 0) - nowUs)
    if ((waitUs / million) * bytesPerSecond > limits.portQueueBytes) return undefined
    const sendUs = Math.ceil((bytes * million) / bytesPerSecond)
    if (waitUs > 0) this.counts.queued++
    this.#freeAtUs[from] = nowUs + waitUs + sendUs
    return waitUs + sendUs
  }

  /** Time-outs that double from the first. */
  #retransmissionUs(
    link: LinkPlan,
    from: number,
    to: number,
    { packets, waitUs }: { packets: number; waitUs: number },
  ): number {
    if (link.lossPpm === 0 && this.#lossy.size === 0) return 0
    let [left, wait, lateUs] = [packets, waitUs, 0]
    for (; this.#isLost(link, from, to, left); left = 1) {
      lateUs += wait
      if (lateUs > limits.silentCloseUs) return Number.POSITIVE_INFINITY
      wait = Math.min(rtoMaxUs, 2 * wait)
    }
    return lateUs
  }

  #isLost(link: LinkPlan, from: number, to: number, packets: number): boolean {
    const random = this.randomOf(from)
    if (link.lossPpm > 0 && random.chance(Math.min(million, link.lossPpm * packets), million)) {
      this.counts.lost++
      return true
    }
    if (this.#lossy.size === 0) return false
    const ppm = Math.max(this.#lossy.get(from) ?? 0, this.#lossy.get(to) ?? 0)
    if (ppm === 0 || !random.chance(Math.min(million, ppm * packets), million)) return false
    this.counts.lost++
    this.counts.lostByFault++
    return true
  }

  #lagUs(host: number): number {
    const range = this.#lag.get(host)
    if (range === undefined) return 0
    this.counts.lagged++
    return range.min + this.randomOf(host).below(range.max - range.min + 1)
  }

  /** A pair's own, the same in both directions, and jitter. */
  #latencyUs({ latencyMinUs, latencyMaxUs, jitterUs }: LinkPlan, from: number, to: number): number {
    const spread = latencyMaxUs - latencyMinUs + 1
    const pair = Math.imul(Math.min(from, to) + 1, 0x9e3779b1) ^ Math.max(from, to)
    const own = spread === 1 ? 0 : mix32(this.#seed ^ mix32(pair)) % spread
    const jitter = jitterUs === 0 ? 0 : this.randomOf(from).below(jitterUs + 1)
    return latencyMinUs + own + jitter
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
