/**
 * Who passes gossip on to whom: each host's mesh, kept as gossipsub keeps it (v1.1 as in js-libp2p). A host knows the
 * peers at the ends of its links that take part; at each heartbeat it grafts when its mesh is below its low bound,
 * prunes when it is above the high one, and sees to one that it dialled itself; a peer that comes is grafted at once
 * while the mesh is small. Whoever is pruned is not grafted again for a minute.
 *
 * Not modelled: scores (all are equal here, as only the application's own would differ), peer exchange, several topics.
 */
import type { Random } from '../protocol/base/random.ts'
import { type GossipMesh, sparseMesh } from '../protocol/membership/gossip-mesh.ts'

export interface MeshKnobs {
  /** Kept at a prune before chance decides: by score, and here in the order of coming. */
  readonly dScore: number
  /** Of those that the host itself dialled. */
  readonly dOut: number
  readonly pruneBackoffUs: number
}

/** What goes to the peer; the two sides need not agree for as long as it takes. */
export type MeshMessage = 'graft' | 'prune'

export interface MeshPort {
  random(host: number): Random
  tell(from: number, to: number, message: MeshMessage): void
  /** Of the link from one to the other; -1 where there is none. */
  wayTo(from: number, to: number): number
  /** The host's mesh may need care at its next heartbeat. */
  needsCare(host: number): void
}

export class Mesh {
  readonly counts = { grafts: 0, prunes: 0 }
  readonly #knobs: MeshKnobs
  readonly #port: MeshPort
  /** Of each host: peers on links that take part, and those of them in its mesh, in the order of coming. */
  readonly #peers: number[][] = []
  readonly #mesh: number[][] = []
  /** Those that are not, and the ways to those that are, while nothing has changed; undefined while nobody asks. */
  readonly #outside: (readonly number[] | undefined)[] = []
  readonly #ways: (readonly number[] | undefined)[] = []
  readonly #bounds: GossipMesh[] = []
  /** Of each host: peers that it dialled. */
  readonly #dialled: Set<number>[] = []
  readonly #backoff: (Map<number, number> | undefined)[] = []
  /** Of each host: there was nothing to do at the last heartbeat, and nothing has changed. */
  readonly #isSettled: boolean[] = []

  constructor(knobs: MeshKnobs, port: MeshPort) {
    this.#knobs = knobs
    this.#port = port
  }

  isSettled(host: number): boolean {
    return this.#isSettled[host] === true
  }

  peersOf(host: number): readonly number[] {
    return this.#peers[host] ?? none
  }

  meshOf(host: number): readonly number[] {
    return this.#mesh[host] ?? none
  }

  /** The ways to those of its mesh, in its order: as they were when they were first asked for since it changed. */
  waysOf(host: number): readonly number[] {
    this.#ways[host] ??= this.meshOf(host).map((peer) => this.#port.wayTo(host, peer))
    return this.#ways[host]
  }

  /** Peers that neither are in the mesh nor among the others. */
  outside(host: number, others: readonly number[]): number[] {
    this.#outside[host] ??= without(this.peersOf(host), this.meshOf(host))
    return without(this.#outside[host], others)
  }

  boundsOf(host: number): GossipMesh {
    return this.#bounds[host] ?? sparseMesh
  }

  /** What the host's member asks for; its heartbeats see to it. */
  setBounds(host: number, bounds: GossipMesh): void {
    if (this.boundsOf(host) === bounds) return
    this.#bounds[host] = bounds
    this.#needsCare(host)
  }

  /** The agent starts: it knows nobody. */
  clear(host: number): void {
    this.#isSettled[host] = false
    this.#bounds[host] = sparseMesh
    this.#changed(host)
    this.#peers[host] = []
    this.#mesh[host] = []
    this.#dialled[host] = new Set()
    this.#backoff[host] = undefined
  }

  /** A peer says that it takes part. */
  join(
    host: number,
    peer: number,
    { hasDialled, mayGraft }: { hasDialled: boolean; mayGraft: boolean },
    nowUs: number,
  ): void {
    const peers = this.#peers[host]!
    if (!peers.includes(peer)) peers.push(peer)
    if (hasDialled) this.#dialled[host]!.add(peer)
    const isSmall = this.#mesh[host]!.length < this.boundsOf(host).low
    if (mayGraft && isSmall && !this.#isBackedOff(host, peer, nowUs)) this.#graft(host, peer)
    this.#needsCare(host)
  }

  /** A peer that has long taken part. */
  recall(
    host: number,
    peer: number,
    { hasDialled, isMeshed }: { hasDialled: boolean; isMeshed: boolean },
  ): void {
    this.#peers[host]!.push(peer)
    if (hasDialled) this.#dialled[host]!.add(peer)
    if (isMeshed) this.#mesh[host]!.push(peer)
    this.#needsCare(host)
  }

  leave(host: number, peer: number): void {
    remove(this.#peers[host]!, peer)
    remove(this.#mesh[host]!, peer)
    this.#dialled[host]!.delete(peer)
    this.#needsCare(host)
  }

  /** Also from a peer whose own subscription is still on its way. */
  onMessage(host: number, from: number, message: MeshMessage, nowUs: number): void {
    const mesh = this.#mesh[host]!
    if (message === 'prune') {
      remove(mesh, from)
      this.#backOff(host, from, nowUs)
      return this.#needsCare(host)
    }
    if (mesh.includes(from)) return
    const isFull = mesh.length >= this.boundsOf(host).high && !this.#dialled[host]!.has(from)
    if (isFull || this.#isBackedOff(host, from, nowUs)) {
      this.#backOff(host, from, nowUs)
      this.counts.prunes++
      return this.#port.tell(host, from, 'prune')
    }
    mesh.push(from)
    this.#needsCare(host)
  }

  /** The heartbeat's care. True when the next heartbeat has to look again. */
  maintain(host: number, nowUs: number): boolean {
    if (this.isSettled(host)) return false
    const { degree, low, high } = this.boundsOf(host)
    const mesh = this.#mesh[host]!
    if (mesh.length < low) {
      for (const peer of this.#candidates(host, nowUs).slice(0, degree - mesh.length))
        this.#graft(host, peer)
    }
    if (mesh.length > high) this.#pruneToDegree(host, nowUs)
    if (mesh.length < low) return mesh.length < this.#peers[host]!.length
    this.#graftDialled(host, this.#knobs.dOut - this.#dialledIn(host, mesh), nowUs)
    const isDialled = this.#dialledIn(host, mesh) >= this.#knobs.dOut
    this.#isSettled[host] = isDialled && mesh.length <= high
    return false
  }

  #changed(host: number): void {
    this.#outside[host] = undefined
    this.#ways[host] = undefined
  }

  #needsCare(host: number): void {
    this.#changed(host)
    this.#isSettled[host] = false
    this.#port.needsCare(host)
  }

  #graftDialled(host: number, needed: number, nowUs: number): void {
    if (needed <= 0) return
    const dialled = this.#dialled[host]!
    const candidates = this.#candidates(host, nowUs).filter((peer) => dialled.has(peer))
    for (const peer of candidates.slice(0, needed)) this.#graft(host, peer)
  }

  #pruneToDegree(host: number, nowUs: number): void {
    const { dScore, dOut } = this.#knobs
    const { degree } = this.boundsOf(host)
    const mesh = this.#mesh[host]!
    const drawn = this.#port.random(host).shuffle(mesh.slice(dScore))
    const order = [...mesh.slice(0, dScore), ...drawn]
    const dialled = this.#dialled[host]!
    // Too few of our own among those that stay: the first of the others that is ours goes to the front.
    for (let kept = this.#dialledIn(host, order.slice(0, degree)); kept < dOut; kept++) {
      const at = order.findIndex((peer, i) => i >= degree && dialled.has(peer))
      if (at < 0) break
      order.unshift(...order.splice(at, 1))
    }
    this.#changed(host)
    for (const peer of order.slice(degree)) {
      remove(mesh, peer)
      this.#backOff(host, peer, nowUs)
      this.counts.prunes++
      this.#port.tell(host, peer, 'prune')
    }
  }

  #dialledIn(host: number, peers: readonly number[]): number {
    const dialled = this.#dialled[host]!
    let count = 0
    for (const peer of peers) if (dialled.has(peer)) count++
    return count
  }

  #candidates(host: number, nowUs: number): number[] {
    const free = this.outside(host, none).filter((peer) => !this.#isBackedOff(host, peer, nowUs))
    return this.#port.random(host).shuffle(free)
  }

  #graft(host: number, peer: number): void {
    const mesh = this.#mesh[host]!
    if (mesh.includes(peer)) return
    mesh.push(peer)
    this.#changed(host)
    this.counts.grafts++
    this.#port.tell(host, peer, 'graft')
  }

  #backOff(host: number, peer: number, nowUs: number): void {
    this.#backoff[host] ??= new Map()
    this.#backoff[host].set(peer, nowUs + this.#knobs.pruneBackoffUs)
  }

  #isBackedOff(host: number, peer: number, nowUs: number): boolean {
    const until = this.#backoff[host]?.get(peer)
    if (until === undefined) return false
    if (until > nowUs) return true
    this.#backoff[host]!.delete(peer)
    return false
  }
}

const none: readonly number[] = []

/** A list of its own. */
function without(items: readonly number[], others: readonly number[]): number[] {
  const found: number[] = []
  for (const item of items) if (!others.includes(item)) found.push(item)
  return found
}

function remove(list: number[], item: number): void {
  const at = list.indexOf(item)
  if (at >= 0) list.splice(at, 1)
}
