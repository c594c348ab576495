/**
 * Gossipsub over the links that exist: a broadcast goes from the author to its mesh, and each host that gets its first
 * copy passes it on to its own mesh, but not where it came from nor to peers that have said in time that they have it
 * (IDONTWANT). At its heartbeat a host tells some other peers what it had lately (IHAVE), and those that miss it ask
 * for it (IWANT). Duplicates, depth and delay follow from that; nothing is drawn but the work of a hop.
 *
 * A copy on its way is five integers in the queue, and the payload is shared. Two things are looked up where the real
 * one sends a message: whether a peer's IDONTWANT has come (from when the peer had its copy), and whether an IHAVE
 * would be news (what a host has it never loses, so an IHAVE that is no news when it is sent is none when it comes).
 * Not modelled: the limits of IHAVE and IWANT, which a cluster that is well does not meet, and frames that are shared.
 */
import { mix32 } from '../protocol/base/hash.ts'
import { invariant } from '../protocol/base/invariant.ts'
import type { Event } from '../protocol/event.ts'
import { limits as protocolLimits } from '../protocol/limits.ts'
import type { GossipMesh } from '../protocol/membership/gossip-mesh.ts'
import type { Broadcast } from '../protocol/message.ts'
import { GossipCache } from './gossip-cache.ts'
import type { Host } from './host.ts'
import { networkLimits as limits } from './limits.ts'
import { gossipHop, gossipInner } from './measured.ts'
import { Mesh, type MeshKnobs, type MeshMessage } from './mesh.ts'
import { Delay, type QuantileTable } from './quantile.ts'
import type { Simulator } from './simulator.ts'
import { bytesOfBroadcast, carryBroadcast } from './wire.ts'

export interface GossipKnobs extends MeshKnobs {
  /** The same for all; left out, as each member asks for. */
  readonly bounds?: GossipMesh
  readonly dLazy: number
  /** Of a hundred peers outside the mesh, at least so many hear an IHAVE. */
  readonly lazyPercent: number
  readonly heartbeatUs: number
  /** Heartbeats at which a message is told of, and after which it is forgotten. */
  readonly historyGossip: number
  readonly historyLength: number
  /** Messages of this size and more are declined by those who have them. */
  readonly idontwantBytes: number
  /** On loopback: from a member's passing on to the next one's reading it, and from there to its passing on. */
  readonly hop: QuantileTable
  readonly inner: QuantileTable
}

/** As the agent sets them (node/network/gossip.ts, timing.ts), else gossipsub's own. */
export const agentGossip: GossipKnobs = {
  dScore: 3,
  dOut: 1,
  dLazy: 4,
  lazyPercent: 25,
  heartbeatUs: 3_000_000,
  historyGossip: 3,
  historyLength: 5,
  idontwantBytes: protocolLimits.broadcastBytes,
  pruneBackoffUs: 60_000_000,
  hop: gossipHop,
  inner: gossipInner,
}

const none: readonly number[] = []
/** More than any history is long. */
const ages = 256

/** Identify and the stream, after a link opened. */
const subscribeTrips = 4

export class Gossip {
  readonly mesh: Mesh
  /**
   * copies: of messages, on arrival; duplicates: of those, not the first; declined: not sent for an IDONTWANT;
   * ihave, iwant: messages; recovered: first copies that were asked for; lost: copies lost with their link.
   */
  readonly counts = {
    published: 0,
    delivered: 0,
    copies: 0,
    duplicates: 0,
    declined: 0,
    ihave: 0,
    iwant: 0,
    recovered: 0,
    lost: 0,
  }
  /** Told of each first arrival: so long after the publication. */
  onDelivered: ((host: number, delayUs: number) => void) | undefined
  /** Told when a message is done with: how many had it, and how many copies arrived. */
  onDone: ((author: number, delivered: number, copies: number) => void) | undefined
  readonly #simulator: Simulator
  readonly #knobs: GossipKnobs
  readonly #hop: Delay
  readonly #inner: Delay
  readonly #cache: GossipCache
  /** Of each host what it would still tell of, each with the heartbeats since it had it: message × ages + age. */
  readonly #recent: number[][] = []
  readonly #hasHeartbeat: boolean[] = []
  /** When each host has read what has reached it. */
  readonly #readUs: number[] = []

  constructor(simulator: Simulator, knobs: Partial<GossipKnobs> = {}) {
    this.#simulator = simulator
    this.#knobs = { ...agentGossip, ...knobs }
    invariant(this.#knobs.historyLength < ages, 'a history is no longer than ages are counted')
    this.#hop = new Delay(this.#knobs.hop)
    this.#inner = new Delay(this.#knobs.inner)
    this.#cache = new GossipCache((message) => {
      const { author, delivered, copies } = this.#cache
      this.onDone?.(author[message]!, delivered[message]!, copies[message]!)
    })
    this.mesh = new Mesh(this.#knobs, {
      random: (host) => simulator.network.randomOf(host),
      tell: (from, to, message) => this.#tellMesh(from, to, message),
      wayTo: (from, to) => simulator.links.wayBetween(from, to),
      needsCare: (host) => this.#needHeartbeat(host),
    })
  }

  onStarted(host: Host): void {
    this.mesh.clear(host.index)
    for (const held of this.#recent[host.index] ?? []) this.#cache.release(messageOf(held))
    this.#recent[host.index] = []
    this.#hasHeartbeat[host.index] = false
    this.#cache.forgetHost(host.index)
  }

  /** Each side makes a stream of its own, and says on it that it takes part. */
  onLinked(dialler: Host, other: Host): void {
    const { network } = this.#simulator
    const tripUs = network.latencyUs(dialler.index, other.index)
    const [ours, theirs] = [dialler, other].map(
      (host) => subscribeTrips * tripUs + this.#hopUs(host.index),
    ) as [number, number]
    this.#hearLater(dialler, other, true, { streamUs: ours, heardUs: theirs + tripUs })
    this.#hearLater(other, dialler, false, { streamUs: theirs, heardUs: ours + tripUs })
  }

  /** A peer that is heard of before our own stream to it is there is no more than known. */
  #hearLater(
    at: Host,
    peer: Host,
    hasDialled: boolean,
    { streamUs, heardUs }: { streamUs: number; heardUs: number },
  ): void {
    const { life } = at
    this.#after(Math.max(streamUs, heardUs), peer, at, () => {
      if (!at.isUp || at.life !== life || !this.#simulator.links.isOpen(at, peer)) return
      const mayGraft = streamUs <= heardUs
      this.mesh.join(at.index, peer.index, { hasDialled, mayGraft }, this.#simulator.nowUs)
    })
  }

  /**
   * A link that was there for long. Each has the other in its mesh, or neither: the two of them say which. With some
   * two neighbours a ring, nearly all have then as many as they ask for.
   */
  remember(host: Host, peer: Host, hasDialled: boolean): void {
    const { degree } = this.mesh.boundsOf(host.index)
    const [low, high] = [Math.min(host.index, peer.index), Math.max(host.index, peer.index)]
    const lot = mix32(mix32(low) ^ high) % (2 * this.#simulator.config.ringsMax)
    this.mesh.recall(host.index, peer.index, { hasDialled, isMeshed: lot < degree + 2 })
  }

  onUnlinked(at: Host, peer: Host): void {
    this.mesh.leave(at.index, peer.index)
  }

  setMesh(host: Host, asked: GossipMesh): void {
    this.mesh.setBounds(host.index, this.#knobs.bounds ?? asked)
  }

  publish(from: Host, broadcast: Broadcast): void {
    const { nowUs, hosts } = this.#simulator
    const event: Event = { type: 'broadcast-received', broadcast }
    // Small ones are not declined, so the size is looked at where it matters.
    const bytes = bytesOfBroadcast(broadcast)
    const message = this.#cache.add(event, from.index, bytes, hosts.length, nowUs)
    this.#cache.use(message)
    this.counts.published++
    const { index } = from
    this.#cache.take(message, index, nowUs)
    this.#remember(index, message)
    const { degree, floodsOwn } = this.mesh.boundsOf(index)
    const told = floodsOwn ? this.mesh.peersOf(index) : this.mesh.meshOf(index)
    for (const peer of told) this.#send(index, peer, message)
    if (told.length < degree) this.#sendBeyond(index, told, message)
    this.#cache.release(message)
  }

  /** A copy is there to be read. Copies are read in the order in which they came, whatever each one takes. */
  arrive(to: number, from: number, message: number): void {
    const { states, nowUs, network } = this.#simulator
    const cache = this.#cache
    if (!states.isUp(to)) return cache.release(message)
    if (states.isAsleep(to)) this.#simulator.hosts[to]!.wakeUp()
    const random = network.randomOf(to)
    const readUs = Math.max(this.#readUs[to] ?? 0, nowUs + this.#hop.drawUs(random))
    this.#readUs[to] = readUs
    this.counts.copies++
    cache.copies[message]!++
    const doneUs = readUs + this.#inner.drawUs(random)
    if (cache.take(message, to, doneUs))
      return this.#simulator.scheduleReading(doneUs - nowUs, from, to, message)
    this.counts.duplicates++
    cache.release(message)
  }

  /** A copy was lost with its link. */
  onLost(message: number): void {
    this.counts.lost++
    this.#cache.release(message)
  }

  /** The first copy has been read, unless the agent has ended since then: a new one has not had it, or later. */
  takeUp(to: number, from: number, message: number): void {
    const { states, hosts, traffic, nowUs } = this.#simulator
    const isThere = states.isUp(to) && this.#cache.has(message, to)
    if (isThere && this.#cache.firstUs(message, to) === nowUs) {
      this.#passOn(to, from, message)
      const event = this.#eventOf(message)
      if (!traffic.hearDeath(to, event)) hosts[to]!.receive(event)
    }
    this.#cache.release(message)
  }

  #passOn(at: number, from: number, message: number): void {
    const cache = this.#cache
    this.counts.delivered++
    cache.delivered[message]!++
    this.onDelivered?.(at, this.#simulator.nowUs - cache.publishedUs[message]!)
    this.#remember(at, message)
    const mesh = this.mesh.meshOf(at)
    const ways = this.mesh.waysOf(at)
    for (let i = 0; i < mesh.length; i++)
      if (mesh[i] !== from) this.#forward(at, mesh[i]!, ways[i]!, message)
  }

  #eventOf(message: number): Event {
    const event = this.#cache.event[message]!
    if (!this.#simulator.options.encode || event.type !== 'broadcast-received') return event
    return { type: 'broadcast-received', broadcast: carryBroadcast(event.broadcast, true) }
  }

  /** Unless the peer has said that it has it. */
  #forward(from: number, peer: number, way: number, message: number): void {
    if (this.#hasDeclined(from, peer, message)) {
      this.counts.declined++
      return
    }
    this.#sendOver(way, from, peer, message)
  }

  #hasDeclined(host: number, peer: number, message: number): boolean {
    const cache = this.#cache
    if (cache.bytes[message]! < this.#knobs.idontwantBytes || !cache.has(message, peer))
      return false
    // The author has its message, and says so to nobody.
    if (cache.author[message] === peer || !this.mesh.meshOf(peer).includes(host)) return false
    const { network, nowUs } = this.#simulator
    const saidUs = cache.firstUs(message, peer) + network.latencyUs(peer, host)
    return saidUs + this.#hopUs(host) <= nowUs
  }

  /** A mesh below D: some other peers get it too. */
  #sendBeyond(from: number, told: readonly number[], message: number): void {
    const others = this.mesh.outside(from, told)
    const { degree } = this.mesh.boundsOf(from)
    const random = this.#simulator.network.randomOf(from)
    for (const peer of random.sample(others, degree - told.length)) this.#send(from, peer, message)
  }

  #send(from: number, peer: number, message: number): void {
    this.#sendOver(this.#simulator.links.wayBetween(from, peer), from, peer, message)
  }

  #sendOver(way: number, from: number, peer: number, message: number): void {
    this.#cache.use(message)
    const bytes = this.#cache.bytes[message]!
    if (!this.#simulator.links.relay(way, from, peer, message, bytes)) this.onLost(message)
  }

  #hopUs(host: number): number {
    return this.#hop.drawUs(this.#simulator.network.randomOf(host))
  }

  #remember(host: number, message: number): void {
    const recent = this.#recent[host]!
    if (recent.length >= limits.gossipRemembered) this.#forgetFirst(host)
    recent.push(message * ages)
    this.#cache.use(message)
    this.#needHeartbeat(host)
  }

  #forgetFirst(host: number): void {
    const held = this.#recent[host]!.shift()
    if (held !== undefined) this.#cache.release(messageOf(held))
  }

  /** Heartbeats in which a host would do nothing are left out. */
  #needHeartbeat(index: number): void {
    if (this.#hasHeartbeat[index]) return
    this.#hasHeartbeat[index] = true
    const { nowUs, hosts } = this.#simulator
    const host = hosts[index]!
    const { heartbeatUs } = this.#knobs
    const phase = Math.imul(index + 1, 0x9e3779b1) >>> 0
    const sinceUs = (nowUs + (phase % heartbeatUs)) % heartbeatUs
    const { life } = host
    this.#after(heartbeatUs - sinceUs, host, host, () => {
      if (host.isUp && host.life === life) this.#heartbeat(host)
    })
  }

  #heartbeat(host: Host): void {
    const { index } = host
    this.#hasHeartbeat[index] = false
    const before = this.mesh.isSettled(index) ? none : [...this.mesh.meshOf(index)]
    const needsMore = this.mesh.maintain(index, this.#simulator.nowUs)
    this.#tellOfRecent(host, before)
    this.#age(index)
    if (needsMore || this.#recent[index]!.length > 0) this.#needHeartbeat(index)
  }

  /** Some of those that neither are in the mesh nor were before. */
  #tellOfRecent(host: Host, before: readonly number[]): void {
    const { index } = host
    const { dLazy, lazyPercent, historyGossip } = this.#knobs
    const told = this.#recent[index]!.filter((held) => held % ages < historyGossip)
    if (told.length === 0) return
    const outside = this.mesh.outside(index, before)
    const target = Math.max(dLazy, Math.floor((lazyPercent * outside.length) / 100))
    const drawn = this.#simulator.network.randomOf(index).sample(outside, target)
    this.counts.ihave += drawn.length
    for (const peer of drawn)
      for (const held of told)
        if (!this.#cache.has(messageOf(held), peer)) this.#offer(host, peer, messageOf(held))
  }

  /** IHAVE, IWANT, and the message: three ways, while the peer misses it and the host has it. */
  #offer(host: Host, peer: number, message: number): void {
    const { network, hosts } = this.#simulator
    const to = hosts[peer]!
    const tripUs = () => network.latencyUs(host.index, peer) + this.#hopUs(host.index)
    this.#cache.use(message)
    if (!network.connects(host.index, peer)) return this.onLost(message)
    this.#after(tripUs(), host, to, () => {
      if (!to.isUp || this.#cache.has(message, peer)) return this.#cache.release(message)
      this.counts.iwant++
      this.#after(tripUs(), to, host, () => {
        const isThere = host.isUp && this.#cache.has(message, host.index)
        if (isThere && !this.#cache.has(message, peer)) this.counts.recovered++
        if (isThere) this.#send(host.index, peer, message)
        this.#cache.release(message)
      })
    })
  }

  #age(host: number): void {
    const recent = this.#recent[host]!
    for (let i = 0; i < recent.length; i++) recent[i]!++
    while (recent.length > 0 && recent[0]! % ages >= this.#knobs.historyLength)
      this.#forgetFirst(host)
  }

  #tellMesh(from: number, to: number, message: MeshMessage): void {
    const { network, hosts } = this.#simulator
    const [source, target] = [hosts[from]!, hosts[to]!]
    if (!network.connects(from, to)) return
    this.#after(network.latencyUs(from, to) + this.#hopUs(from), source, target, () => {
      if (!target.isUp || !this.#simulator.links.isOpen(target, source)) return
      this.mesh.onMessage(to, from, message, this.#simulator.nowUs)
    })
  }

  #after(delayUs: number, from: Host, to: Host, run: () => void): void {
    this.#simulator.schedule(delayUs, 'link', { destination: to.index, source: from.index }, run)
  }
}

function messageOf(held: number): number {
  return Math.floor(held / ages)
}
