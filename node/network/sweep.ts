/**
 * Looks the links over once a second: who has been silent for too long (its machine is gone, and no reset
 * came), which connection never proved to be a member's, which link nobody has used, and whether gossipsub
 * still has its stream. One timer for all links; a pass over twenty takes some microseconds.
 */
import type { Connection } from '@libp2p/interface'
import { limits } from '../../protocol/limits.ts'
import type { Counters } from './counters.ts'
import type { DirectStream } from './direct.ts'
import type { Node } from './libp2p.ts'
import type { Links } from './links.ts'
import { timing } from './timing.ts'

export class Sweep {
  readonly #init: { node: Node; links: Links; http: string; counters: Counters }
  #timer: NodeJS.Timeout | undefined
  #repairAt = 0
  #sweptAt = 0

  constructor(init: { node: Node; links: Links; http: string; counters: Counters }) {
    this.#init = init
  }

  start(): void {
    this.#timer = setInterval(() => this.#sweep(Date.now()), timing.sweepMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #sweep(now: number): void {
    const { node, links } = this.#init
    for (const connection of node.getConnections()) this.#watchProof(connection, now)
    // After a pause of our own, what the others said meanwhile is still to be read.
    const paused = now - this.#sweptAt > 3 * timing.sweepMs
    this.#sweptAt = now
    for (const stream of links.streams()) if (stream.isProven && !paused) stream.watch(now)
    for (const stream of unneeded(this.#onDemand(), now)) void close(stream.connection)
    links.dialler.sweep(now)
    if (now < this.#repairAt) return
    this.#repairAt = now + timing.gossipRepairMs
    this.#repairGossip(now)
  }

  /** Whoever knows the cluster key but does not speak the protocol of messages. */
  #watchProof(connection: Connection, now: number): void {
    if (now - connection.timeline.open < timing.proofMs) return
    if (this.#init.links.isProven(connection)) return
    this.#init.counters.drop('handshake-refused')
    connection.abort(new Error('did not prove to be a member'))
  }

  /** Links that we opened and do not keep. What others opened is theirs to close. */
  #onDemand(): DirectStream[] {
    const { links, http } = this.#init
    return [...links.streams()].filter(
      ({ member, connection }) =>
        connection.direction === 'outbound' &&
        !links.dialler.isKept(member) &&
        !connection.streams.some(({ protocol }) => protocol === http),
    )
  }

  /**
   * Gossipsub opens its stream when identify tells it of the connection, and not again: if identify
   * timed out, if the stream sat on the one of two connections that closed, or was reset because the
   * member was slow, that member would get no gossip for as long as the other connection lives.
   */
  #repairGossip(now: number): void {
    const { node, links, counters } = this.#init
    const known = new Set(node.services.pubsub.getPeers().map((peer) => peer.toString()))
    for (const member of links.members()) {
      const stream = links.streamTo(member)!
      if (now - stream.openedAt < timing.gossipRepairMs) continue
      const connections = node.getConnections(stream.connection.remotePeer)
      if (known.has(member) && connections.some(hasGossipStream)) continue
      counters.drop('gossip-lost')
      node.services.identify.identify(stream.connection).catch(() => {})
    }
  }
}

function hasGossipStream(connection: Connection): boolean {
  return connection.streams.some(
    ({ direction, protocol }) => direction === 'outbound' && protocol.startsWith('/meshsub/'),
  )
}

/** Those that were idle for long, and the least recently used of those over the limit. */
export function unneeded<T extends { usedAt: number }>(onDemand: T[], now: number): T[] {
  const byUse = onDemand.sort((a, b) => a.usedAt - b.usedAt)
  const surplus = byUse.length - limits.onDemandLinks
  return byUse.filter(({ usedAt }, i) => i < surplus || now - usedAt >= timing.idleMs)
}

async function close(connection: Connection): Promise<void> {
  try {
    await connection.close({ signal: AbortSignal.timeout(timing.stopMs) })
  } catch (error) {
    connection.abort(error instanceof Error ? error : new Error(String(error)))
  }
}
