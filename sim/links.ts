/**
 * Connections between agents, as TCP keeps them. What is sent on one arrives, once and in order; what cannot get
 * through is held and tried again after 200 ms, 400 ms and so on, and arrives late when the way is free in time. An
 * end that has heard nothing for some fourteen seconds gives up (node/network/direct.ts): then what was held is
 * lost, and counted. The kernel of a killed agent resets its connections at once; a machine without power or
 * behind a cut is silent. With one direction cut the other goes on until its window is full, as nothing is
 * acknowledged. Links that nobody keeps close when they are idle.
 *
 * Not modelled: two connections between the same two agents, the limit on connections, in-flight data of an agent
 * that restarts within the time of flight (it arrives at the new one).
 */
import { Connection, Ends, type Payload, type Way } from './connection.ts'
import { Dialler } from './dialler.ts'
import type { Host } from './host.ts'
import { networkLimits as limits } from './limits.ts'
import type { Simulator } from './simulator.ts'
import { WayTable } from './way-table.ts'

/** Linux: the first retransmission, and what goes unacknowledged before a sender waits. */
const rtoUs = 200_000
const windowMessages = 10

export class Links {
  readonly dialler: Dialler
  /**
   * opened; closed when idle; reset: one end gave up or died. stalled: times that a direction stood still; held:
   * messages that waited in one; lost: messages that were dropped with their link.
   */
  readonly counts = { opened: 0, idled: 0, reset: 0, stalled: 0, held: 0, lost: 0 }
  readonly #simulator: Simulator
  readonly ways = new WayTable()
  readonly #ends = new Ends()

  constructor(simulator: Simulator) {
    this.#simulator = simulator
    this.dialler = new Dialler(simulator, (from, to, failures) => this.#opened(from, to, failures))
  }

  isOpen(a: Host, b: Host): boolean {
    return this.#ends.of(a).has(b.index)
  }

  /** Indices of those that the host is linked to. */
  others(host: Host): IterableIterator<number> {
    return this.#ends.of(host).keys()
  }

  dial(from: Host, to: Host): void {
    if (from !== to && !this.isOpen(from, to)) this.dialler.dial(from, to)
  }

  /** The host wants these links open from now on; its others close when they fall idle. */
  keep(host: Host, wanted: readonly Host[]): void {
    for (const other of wanted)
      if (other !== host && !this.isOpen(host, other)) this.dialler.keep(host, other)
    for (const connection of this.#ends.of(host).values())
      if (connection.opener === host) this.#watchIdle(connection)
  }

  /** A message of the core's: opens a link if there is none. */
  send(from: Host, to: Host, payload: Payload, bytes: number): void {
    const connection = this.#ends.of(from).get(to.index)
    if (connection === undefined) {
      if (!this.dialler.demand(from, to, payload, bytes)) this.#lose(payload)
      return
    }
    this.ways.use(2 * connection.number, this.#simulator.nowUs)
    this.#pass(connection, from, payload, bytes)
  }

  /** The host has slept, linked to these: nobody has touched a connection of its that is not made yet. */
  remember(host: Host, others: readonly Host[]): void {
    const { traffic, gossip } = this.#simulator
    for (const other of others) {
      const way = traffic.wayTo(host, other)
      const ends = way % 2 === 0 ? { opener: host, other } : { opener: other, other: host }
      if (!this.#ends.of(host).has(other.index))
        this.#ends.add(new Connection(way >> 1, ends, 0, 0))
      gossip.remember(host, other, ends.opener === host)
    }
  }

  /** Nothing stands in the way, so that `carry` is all that a small message needs. */
  isFree(way: number): boolean {
    return way >= 0 && this.ways.isWhole(way) && !this.#simulator.network.isBarred
  }

  /** What `send` does on a way that is free: how long it takes; Infinity when the connection is given up first. */
  carry(way: number, from: number, to: number): number {
    const { network, nowUs } = this.#simulator
    this.ways.use(way, nowUs)
    const transitUs = network.transitUs(from, to, 0, nowUs)
    if (transitUs === undefined || transitUs === Number.POSITIVE_INFINITY)
      return Number.POSITIVE_INFINITY
    return this.ways.arrive(way, nowUs + transitUs) - nowUs
  }

  /** What `carry` could not. */
  doom(from: Host, to: Host, payload: Payload): void {
    this.#doom(this.#ends.of(from).get(to.index)!, from, payload)
  }

  /** Of the connection from one that is awake to the other; -1 where there is none. */
  wayBetween(from: number, to: number): number {
    return this.#ends.wayBetween(from, to)
  }

  /**
   * A message of gossip, of one that is awake, over a way that was there: of a connection that has gone it is not free.
   * False when there is none.
   */
  relay(way: number, from: number, to: number, message: number, bytes: number): boolean {
    if (this.isFree(way) && this.#transmit(way, from, to, message, bytes)) return true
    const host = this.#simulator.hosts[from]!
    const connection = this.#ends.of(host).get(to)
    if (connection === undefined) return false
    if (this.isFree(way)) this.#doom(connection, host, message)
    else this.#pass(connection, host, message, bytes)
    return true
  }

  /** Over a way that is free. False when the connection is given up first. */
  #transmit(way: number, from: number, to: number, payload: Payload, bytes: number): boolean {
    const { network, nowUs } = this.#simulator
    const transitUs = network.transitUs(from, to, bytes, nowUs)
    if (transitUs === Number.POSITIVE_INFINITY) return false
    if (transitUs === undefined) this.#lose(payload)
    else {
      const arrivalUs = this.ways.arrive(way, nowUs + transitUs)
      this.#simulator.scheduleArrival(arrivalUs - nowUs, from, to, payload)
    }
    return true
  }

  /** The agent was killed: its kernel resets what it had open. */
  reset(host: Host): void {
    const { network } = this.#simulator
    for (const connection of this.#ends.sorted(host)) {
      const other = connection.other(host)
      this.#forget(connection, host)
      if (network.reaches(host.index, other.index)) this.#resetLater(connection, other)
      else this.#checkIdle(connection, other)
    }
  }

  /** The machine lost power: those at the other ends are not told until a time-out. */
  silenceAll(host: Host): void {
    for (const connection of this.#ends.sorted(host)) {
      this.#forget(connection, host)
      this.#checkIdle(connection, connection.other(host))
    }
  }

  /** Of these hosts, those across which nothing goes any more: idle ends find out too, in the end. */
  silenceBroken(hosts: readonly Host[]): void {
    const { network } = this.#simulator
    for (const host of hosts)
      for (const connection of this.#ends.sorted(host)) {
        const other = connection.other(host)
        if (network.connects(host.index, other.index)) continue
        this.#checkIdle(connection, host)
        this.#checkIdle(connection, other)
      }
  }

  #pass(connection: Connection, from: Host, payload: Payload, bytes: number): void {
    const way = connection.way(from)
    const to = connection.other(from)
    if (way.held !== undefined) return this.#hold(way, payload)
    if (connection.forgottenBy === to && !to.isOff && this.#isWhole(from, to)) {
      this.#resetLater(connection, from)
      return this.#lose(payload)
    }
    if (!this.#isThrough(connection, way, from, to)) return this.#stall(connection, from, payload)
    this.#noteWhole(connection)
    if (!this.#transmit(way.number, from.index, to.index, payload, bytes))
      this.#doom(connection, from, payload)
  }

  /** Lost so often that the connection ends first. */
  #doom(connection: Connection, from: Host, payload: Payload): void {
    connection.way(from).isDoomed = true
    this.#stall(connection, from, payload)
  }

  #noteWhole(connection: Connection): void {
    this.ways.setWhole(connection.number, connection.isWhole)
  }

  #isWhole(from: Host, to: Host): boolean {
    return this.#simulator.network.connects(from.index, to.index)
  }

  /** What is sent now gets there. With the way back cut that is so for a window's worth. */
  #isThrough(connection: Connection, way: Way, from: Host, to: Host): boolean {
    const { network, nowUs } = this.#simulator
    if (connection.forgottenBy === to) return false
    if (network.connects(from.index, to.index)) {
      way.unackedSinceUs = -1
      return true
    }
    if (!network.reaches(from.index, to.index)) {
      network.block(from.index, to.index)
      return false
    }
    if (way.unackedSinceUs < 0) {
      way.unackedSinceUs = nowUs
      way.unacked = 0
    }
    way.unacked++
    if (way.unacked <= windowMessages && nowUs - way.unackedSinceUs < rtoUs) return true
    network.block(to.index, from.index)
    return false
  }

  #hold(way: Way, payload: Payload): void {
    this.counts.held++
    if (way.held!.length < limits.heldMessages) way.held!.push(payload)
    else this.#lose(payload)
  }

  #stall(connection: Connection, from: Host, payload: Payload): void {
    const way = connection.way(from)
    way.held = []
    way.stalledUs = this.#simulator.nowUs
    way.retries = 0
    this.#noteWhole(connection)
    this.counts.stalled++
    this.#hold(way, payload)
    this.#retryLater(connection, from)
  }

  #retryLater(connection: Connection, from: Host): void {
    const way = connection.way(from)
    const to = connection.other(from)
    const { nowUs } = this.#simulator
    const waitUs = rtoUs * 2 ** Math.min(way.retries++, 9)
    const leftUs = way.stalledUs + this.#patienceUs(from) - nowUs
    this.#after(Math.max(1, Math.min(waitUs, leftUs)), from, to, () =>
      this.#retry(connection, from),
    )
  }

  /** The sweep that finds it runs once a second, at a phase of the host's own. */
  #patienceUs(host: Host): number {
    return limits.silentCloseUs + ((host.index * 7919) % 1000) * 1000
  }

  #retry(connection: Connection, from: Host): void {
    const way = connection.way(from)
    const to = connection.other(from)
    if (way.held === undefined || !this.#ends.has(connection, from)) return
    const { nowUs } = this.#simulator
    const isWhole = this.#isWhole(from, to) && !to.isOff
    const isReset = isWhole && connection.forgottenBy === to
    if (isReset || nowUs - way.stalledUs >= this.#patienceUs(from)) this.#giveUp(connection, from)
    else if (isWhole && !way.isDoomed) this.#flow(connection, from)
    else this.#retryLater(connection, from)
  }

  /** The way is free again: what was held follows in order. */
  #flow(connection: Connection, from: Host): void {
    const way = connection.way(from)
    const held = way.held ?? []
    way.held = undefined
    for (const payload of held) this.#pass(connection, from, payload, 0)
  }

  #giveUp(connection: Connection, at: Host): void {
    const other = connection.other(at)
    this.counts.reset++
    this.#forget(connection, at)
    this.#closed(connection, at)
    if (this.#simulator.network.reaches(at.index, other.index)) this.#resetLater(connection, other)
    else this.#checkIdle(connection, other)
  }

  /** A reset is on its way to this end, behind what was sent before it. */
  #resetLater(connection: Connection, at: Host): void {
    const other = connection.other(at)
    const { network, nowUs } = this.#simulator
    const sentUs = this.ways.lastArrivalUs(connection.way(other).number) - nowUs
    const delayUs = Math.max(network.latencyUs(other.index, at.index), sentUs + 1)
    this.#after(delayUs, other, at, () => this.#end(connection, at))
  }

  /** An end that says nothing asks for a sign of life after twenty seconds, and waits ten for it. */
  #checkIdle(connection: Connection, at: Host): void {
    const other = connection.other(at)
    this.#after(limits.idleCloseUs + this.#patienceUs(at) - limits.silentCloseUs, other, at, () => {
      if (connection.forgottenBy === undefined && this.#isWhole(at, other)) return
      this.#end(connection, at)
    })
  }

  #end(connection: Connection, at: Host): void {
    if (!this.#ends.has(connection, at)) return
    this.counts.reset++
    this.#forget(connection, at)
    this.#closed(connection, at)
  }

  #opened(from: Host, to: Host, failures: number): void {
    const { nowUs, gossip } = this.#simulator
    const number = this.ways.add(nowUs)
    const connection = new Connection(number, { opener: from, other: to }, nowUs, failures)
    const wasLinked = { from: this.#drop(from, to), to: this.#drop(to, from) }
    this.#ends.add(connection)
    this.counts.opened++
    gossip.onLinked(from, to)
    if (!wasLinked.from) from.receive({ type: 'link-opened', member: to.id })
    if (!wasLinked.to) to.receive({ type: 'link-opened', member: from.id })
    if (!from.wants(to)) this.#makeRoom(from)
    this.#watchIdle(connection)
  }

  /** A connection that this end still had to an earlier life of the other. */
  #drop(at: Host, other: Host): boolean {
    const old = this.#ends.of(at).get(other.index)
    if (old === undefined) return false
    this.#forget(old, at)
    return true
  }

  #closed(connection: Connection, at: Host): void {
    if (!connection.isOf(at)) return
    const other = connection.other(at)
    this.#simulator.gossip.onUnlinked(at, other)
    at.receive({ type: 'link-closed', member: other.id })
    if (at.isUp && at.wants(other)) this.dialler.redial(at, connection)
  }

  #forget(connection: Connection, at: Host): void {
    this.#ends.delete(connection, at)
    connection.forgottenBy ??= at
    this.#noteWhole(connection)
    const way = connection.way(at)
    for (const payload of way.held ?? []) this.#lose(payload)
    way.held = undefined
  }

  #lose(payload: Payload): void {
    this.counts.lost++
    if (typeof payload === 'number') this.#simulator.gossip.onLost(payload)
  }

  #watchIdle(connection: Connection): void {
    const { opener } = connection
    const other = connection.other(opener)
    if (connection.isWatched || opener.wants(other)) return
    connection.isWatched = true
    const { nowUs } = this.#simulator
    const inUs = Math.max(1, this.#usedUs(connection) + limits.unkeptIdleUs - nowUs)
    this.#after(inUs, opener, other, () => {
      connection.isWatched = false
      if (!this.#ends.has(connection, opener)) return
      const idleUs = this.#simulator.nowUs - this.#usedUs(connection)
      if (idleUs < limits.unkeptIdleUs || opener.wants(other)) this.#watchIdle(connection)
      else this.#closeUnkept(connection)
    })
  }

  /** One link on demand too many: the least recently used closes. */
  #makeRoom(host: Host): void {
    let count = 0
    let oldest: Connection | undefined
    for (const connection of this.#ends.of(host).values()) {
      if (connection.opener !== host || host.wants(connection.other(host))) continue
      count++
      if (oldest === undefined || this.#usedUs(connection) < this.#usedUs(oldest))
        oldest = connection
    }
    if (count > limits.onDemandLinks && oldest !== undefined) this.#closeUnkept(oldest)
  }

  #closeUnkept(connection: Connection): void {
    const { opener } = connection
    this.counts.idled++
    this.#forget(connection, opener)
    this.#closed(connection, opener)
    this.#resetLater(connection, connection.other(opener))
  }

  #usedUs({ number }: Connection): number {
    return this.ways.usedUs(number)
  }

  #after(delayUs: number, from: Host, to: Host, run: () => void): void {
    this.#simulator.schedule(delayUs, 'link', { destination: to.index, source: from.index }, run)
  }
}
