/**
 * Who knows whom in the DHT. Each host has a place in a space of 32 bits, and a table as js-libp2p's kad-dht keeps it
 * once its walks have filled it: the space is split into 64 parts, of each of which a host knows up to k members; it
 * knows its nearest neighbours, whom it looks for by itself, and those that it is linked to. Which ones of a
 * crowded part follows from hashes, so a table is worked out where it is looked at and takes no events to fill.
 *
 * Not modelled: tables that fill slowly after a start, and entries that are pinged and replaced.
 */
import { hashText, mix32 } from '../protocol/base/hash.ts'

/** Parts of the space: kad-dht's tree is six levels deep. */
const partBits = 6
const parts = 1 << partBits
/** Lists of neighbours that are kept: 16,384 × 21 × 8 B = 3 MB. */
const nearestKept = 16_384

export class DhtTable {
  readonly #k: number
  readonly #others: (host: number) => Iterable<number>
  /** Of each host. */
  readonly #places: number[] = []
  /** Hosts in the order of their places, and where each part begins. */
  #sorted: number[] = []
  #isSorted = true
  readonly #nearest = new Map<number, { readonly hosts: number[]; readonly version: number }>()
  #version = 0

  /** `others`: those that a host is linked to. */
  constructor(k: number, others: (host: number) => Iterable<number>) {
    this.#k = k
    this.#others = others
  }

  add(host: number, id: string): void {
    this.#places[host] = hashText(id, 0x51ed270b)
    this.#sorted.push(host)
    this.#isSorted = false
    this.#version++
  }

  placeOf(host: number): number {
    return this.#places[host]!
  }

  /** Those that the host knows nearest to a place, nearest first. */
  closestKnown(host: number, place: number, count: number): number[] {
    this.#sort()
    const others = [...this.#nearestOf(host), ...this.#others(host)]
    const known = new Set<number>()
    // The parts from the nearest to the farthest: whoever is in one is nearer than all of the next.
    for (let i = 0; i < parts && known.size < count; i++) {
      const part = partOf(place) ^ i
      for (const each of this.#knownOf(host, part)) known.add(each)
      for (const each of others) if (partOf(this.#places[each]!) === part) known.add(each)
      known.delete(host)
    }
    return nearest([...known], (each) => (this.#places[each]! ^ place) >>> 0, count)
  }

  /** Of all hosts. */
  closest(place: number, count: number): number[] {
    this.#sort()
    return nearest(
      this.#around(place, 4 * count),
      (each) => (this.#places[each]! ^ place) >>> 0,
      count,
    )
  }

  /** Whom it looks for by itself. */
  #nearestOf(host: number): readonly number[] {
    const held = this.#nearest.get(host)
    if (held !== undefined && held.version === this.#version) return held.hosts
    const hosts = this.closest(this.#places[host]!, this.#k + 1)
    if (this.#nearest.size >= nearestKept) this.#nearest.clear()
    this.#nearest.set(host, { hosts, version: this.#version })
    return hosts
  }

  /** Up to k of a part: all, or a stretch of it that begins where the host's hash says. */
  #knownOf(host: number, part: number): number[] {
    const from = this.#indexOf((part << (32 - partBits)) >>> 0)
    const to =
      part === parts - 1
        ? this.#sorted.length
        : this.#indexOf(((part + 1) << (32 - partBits)) >>> 0)
    const size = to - from
    if (size <= this.#k) return this.#sorted.slice(from, to)
    const stride = size / this.#k
    const start = mix32(Math.imul(host + 1, 0x9e3779b1) ^ part) % size
    return Array.from(
      { length: this.#k },
      (_, i) => this.#sorted[from + ((start + Math.floor(i * stride)) % size)]!,
    )
  }

  /** At least so many whose places share the longest prefixes with it: the nearest are among them. */
  #around(place: number, count: number): number[] {
    let [from, to] = [0, this.#sorted.length]
    for (let bits = 1; bits <= 32; bits++) {
      const shift = 32 - bits
      const low = shift === 0 ? place : (place >>> shift) << shift
      const first = this.#indexOf(low >>> 0)
      const end = (low >>> 0) + 2 ** shift
      const last = end >= 2 ** 32 ? this.#sorted.length : this.#indexOf(end)
      if (last - first < count) break
      from = first
      to = last
    }
    return this.#sorted.slice(from, to)
  }

  /** The first in order whose place is not below. */
  #indexOf(place: number): number {
    let [low, high] = [0, this.#sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#places[this.#sorted[middle]!]! < place) low = middle + 1
      else high = middle
    }
    return low
  }

  #sort(): void {
    if (this.#isSorted) return
    this.#sorted.sort((a, b) => this.#places[a]! - this.#places[b]! || a - b)
    this.#isSorted = true
  }
}

function partOf(place: number): number {
  return place >>> (32 - partBits)
}

function nearest(hosts: number[], distance: (host: number) => number, count: number): number[] {
  const keyed = hosts.map((host) => [distance(host), host] as const)
  keyed.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  return keyed.slice(0, count).map(([, host]) => host)
}
