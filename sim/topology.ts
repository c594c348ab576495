/**
 * Which region and rack a host is in, and of which class it is: a function of its index alone, so that a host that
 * is added later needs nothing redrawn. Regions and classes take turns in proportion to their weights; racks
 * fill up one after the other, or take turns where their number is given.
 */
import { invariant } from '../protocol/base/invariant.ts'
import type { ClassShape, MembersShape, RegionShape } from './scenario/shape.ts'

const rackSizeUsual = 40

export interface Place {
  readonly region: number
  /** Counts all racks of all regions, in the order of their first host. */
  readonly rack: number
}

/** How near two hosts are: what the latency between them depends on. */
export type Nearness = 'sameRack' | 'sameRegion' | 'betweenRegions'

export class Topology {
  readonly regions: readonly RegionShape[]
  readonly classes: readonly ClassShape[]
  /** `north/1`, by rack number; grows with the hosts. */
  readonly rackNames: string[] = []
  readonly regionOfRack: number[] = []
  readonly #regionTurns: readonly number[]
  readonly #classTurns: readonly number[]
  readonly #bothTurns: number
  readonly #racks = new Map<string, number>()
  readonly #hostsOfRegion: number[]
  readonly #regionOf: number[] = []
  readonly #rackOf: number[] = []

  constructor(members: MembersShape) {
    this.regions = members.regions
    this.classes = members.classes
    this.#regionTurns = turns(members.regions)
    this.#classTurns = turns(members.classes)
    this.#bothTurns = leastCommonMultiple(this.#regionTurns.length, this.#classTurns.length)
    this.#hostsOfRegion = members.regions.map(() => 0)
    this.grow(members.count)
  }

  get size(): number {
    return this.#rackOf.length
  }

  /** Places hosts up to `size`: called before a host of that index is made. */
  grow(size: number): void {
    while (this.#rackOf.length < size) this.#placeNext()
  }

  regionOf(host: number): number {
    const region = this.#regionOf[host]
    invariant(region !== undefined, 'the host has been placed')
    return region
  }

  rackOf(host: number): number {
    const rack = this.#rackOf[host]
    invariant(rack !== undefined, 'the host has been placed')
    return rack
  }

  classOf(host: number): number {
    // Shifted by one each time both have come round, else each region would get classes of its own.
    const turn = host + Math.floor(host / this.#bothTurns)
    return this.#classTurns[turn % this.#classTurns.length]!
  }

  nearness(a: number, b: number): Nearness {
    if (this.#rackOf[a] === this.#rackOf[b]) return 'sameRack'
    return this.#regionOf[a] === this.#regionOf[b] ? 'sameRegion' : 'betweenRegions'
  }

  hostsInRack(rack: number): number[] {
    return this.#rackOf.flatMap((each, host) => (each === rack ? [host] : []))
  }

  hostsInRegion(region: number): number[] {
    return this.#regionOf.flatMap((each, host) => (each === region ? [host] : []))
  }

  #placeNext(): void {
    const host = this.#rackOf.length
    const region = this.#regionTurns[host % this.#regionTurns.length]!
    const { name, racks, rackSize = rackSizeUsual } = this.regions[region]!
    const ordinal = this.#hostsOfRegion[region]!
    this.#hostsOfRegion[region] = ordinal + 1
    const inRegion = racks === undefined ? Math.floor(ordinal / rackSize) : ordinal % racks
    this.#regionOf.push(region)
    this.#rackOf.push(this.#rackNamed(`${name}/${inRegion + 1}`, region))
  }

  #rackNamed(name: string, region: number): number {
    const held = this.#racks.get(name)
    if (held !== undefined) return held
    const rack = this.rackNames.length
    this.rackNames.push(name)
    this.regionOfRack.push(region)
    this.#racks.set(name, rack)
    return rack
  }
}

/** One round in which each takes as many turns as its weight, interleaved. */
function turns(items: readonly { readonly weight: number }[]): number[] {
  const total = items.reduce((sum, { weight }) => sum + weight, 0)
  const credit = items.map(() => 0)
  return Array.from({ length: total }, () => {
    let next = 0
    items.forEach(({ weight }, i) => {
      credit[i]! += weight
      if (credit[i]! > credit[next]!) next = i
    })
    credit[next]! -= total
    return next
  })
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b]
  while (y > 0) [x, y] = [y, x % y]
  return (a / x) * b
}
