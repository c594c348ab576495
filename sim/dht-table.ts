/**
 * Who knows whom in the DHT. Each host has a place in a space of 32 bits, which is split into 64 parts; of each part
 * a host knows at most k others: those that it is linked to, those that have answered it in a walk, and those that
 * have asked it in one. That is all: the walk to itself with which a node of js-libp2p should find its neighbours
 * ends after some twenty events of any kind, so it gets no farther than the links, as the recording shows.
 *
 * Not modelled: entries that are pinged and replaced, and those that fall out while a host is away.
 */
import { hashText } from '../protocol/base/hash.ts'

/** Parts of the space: kad-dht's tree is six levels deep. */
const partBits = 6

export class DhtTable {
  readonly #k: number
  readonly #linked: (host: number) => Iterable<number>
  /** Of each host: its place, whom it met, and how many of those are in each part. */
  readonly #places: number[] = []
  readonly #met: (Set<number> | undefined)[] = []
  readonly #metInPart: (Uint8Array | undefined)[] = []

  /** `linked`: those that a host is linked to. */
  constructor(k: number, linked: (host: number) => Iterable<number>) {
    this.#k = k
    this.#linked = linked
  }

  add(host: number, id: string): void {
    this.#places[host] = hashText(id, 0x51ed270b)
  }

  placeOf(host: number): number {
    return this.#places[host]!
  }

  /** One has answered the other. Of a crowded part the first to come are known. */
  meet(host: number, other: number): void {
    const met = this.#met[host] ?? new Set<number>()
    this.#met[host] = met
    const counts = this.#metInPart[host] ?? new Uint8Array(1 << partBits)
    this.#metInPart[host] = counts
    const part = this.#places[other]! >>> (32 - partBits)
    if (other === host || met.has(other) || counts[part]! >= this.#k) return
    met.add(other)
    counts[part]!++
  }

  /** The agent restarts: what it knew was in its memory. */
  forget(host: number): void {
    this.#met[host] = undefined
    this.#metInPart[host] = undefined
  }

  sizeOf(host: number): number {
    return this.#knownTo(host).size
  }

  /** Those that the host knows nearest to a place, nearest first. */
  closestKnown(host: number, place: number, count: number): number[] {
    const keyed = [...this.#knownTo(host)].map(
      (other) => [(this.#places[other]! ^ place) >>> 0, other] as const,
    )
    keyed.sort((a, b) => a[0] - b[0] || a[1] - b[1])
    return keyed.slice(0, count).map(([, other]) => other)
  }

  #knownTo(host: number): Set<number> {
    const known = new Set(this.#linked(host))
    for (const other of this.#met[host] ?? []) known.add(other)
    known.delete(host)
    return known
  }
}
