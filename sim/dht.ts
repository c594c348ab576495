/**
 * The service index in the DHT: who provides a name is written to the k nearest to it, is renewed at half of its
 * life, and is found there for as long as it lives, also when its provider is gone: a hint. Each asks, and is
 * asked, over links; whoever is not linked is dialled first, and whoever is gone costs a refusal or a time-out.
 * Settings are the agent's (node/network/dht.ts, timing.ts), the walk is in dht-walk.ts, tables in dht-table.ts.
 *
 * Not modelled: bytes, the work of walks at the nodes that are asked, the limits on walks at once.
 */
import { hashText } from '../protocol/base/hash.ts'
import { DhtTable } from './dht-table.ts'
import { type Walk, walk } from './dht-walk.ts'
import type { Host } from './host.ts'
import { dialRoundTrips, dialWork, gossipHop } from './measured.ts'
import { Delay } from './quantile.ts'
import type { Simulator } from './simulator.ts'

export interface DhtKnobs {
  readonly k: number
  readonly validityUs: number
  /** Renewed when so much is left, found out at the next check. */
  readonly renewUs: number
  readonly checkUs: number
  readonly queryUs: number
}

export const agentDht: DhtKnobs = {
  k: 20,
  validityUs: 180_000_000,
  renewUs: 90_000_000,
  checkUs: 15_000_000,
  queryUs: 10_000_000,
}

export interface Found {
  /** Hosts, the first to be heard of first. */
  readonly providers: readonly { readonly host: number; readonly atUs: number }[]
  /** Of those, agents that no longer run or no longer provide it. */
  readonly stale: number
  readonly walk: Walk
}

interface Provided {
  /** Kept by the holders: when it was written, and by which life of theirs. */
  readonly heldBy: Map<number, { readonly atUs: number; readonly life: number }>
  life: number
  isWithdrawn: boolean
  renewals: number
}

/** A member that is gone without a word: the dial's own limit. */
const dialTimeoutUs = 5_000_000
const work = new Delay(gossipHop)
const dialling = new Delay(dialWork)

export class Dht {
  readonly table: DhtTable
  /** asked, failed: questions of all walks; stale: providers found that are none any more. */
  readonly counts = {
    provided: 0,
    renewed: 0,
    withdrawn: 0,
    finds: 0,
    asked: 0,
    failed: 0,
    found: 0,
    stale: 0,
  }
  readonly #simulator: Simulator
  readonly #knobs: DhtKnobs
  /** By service, then by provider. */
  readonly #services = new Map<string, Map<number, Provided>>()

  constructor(simulator: Simulator, knobs: Partial<DhtKnobs> = {}) {
    this.#simulator = simulator
    this.#knobs = { ...agentDht, ...knobs }
    this.table = new DhtTable(this.#knobs.k, (host) =>
      simulator.links.others(simulator.hosts[host]!),
    )
  }

  provide(host: Host, service: string): void {
    this.counts.provided++
    const provided: Provided = {
      heldBy: new Map(),
      life: host.life,
      isWithdrawn: false,
      renewals: 0,
    }
    const before = this.#of(service).get(host.index)
    for (const [holder, held] of before?.heldBy ?? []) provided.heldBy.set(holder, held)
    this.#of(service).set(host.index, provided)
    this.#write(host, service, provided)
    this.#renewLater(host, service, provided)
  }

  /** What was written stays with its holders until its life ends. */
  withdraw(host: Host, service: string): void {
    const provided = this.#of(service).get(host.index)
    if (provided === undefined || provided.isWithdrawn) return
    provided.isWithdrawn = true
    this.counts.withdrawn++
  }

  /** Walks now; the times say when each was heard of. */
  find(host: Host, service: string): Found {
    this.counts.finds++
    const walked = this.#walk(host, service)
    const records = this.#of(service)
    const providers: { host: number; atUs: number }[] = []
    const seen = new Set<number>()
    const hear = (holder: number, atUs: number) => {
      for (const [provider, provided] of records) {
        if (seen.has(provider) || !this.#holds(holder, provided, provider)) continue
        seen.add(provider)
        providers.push({ host: provider, atUs })
      }
    }
    hear(host.index, 0)
    for (const { host: holder, atUs } of walked.answers) hear(holder, atUs)
    const stale = providers.filter((each) => !this.#provides(each.host, records)).length
    this.counts.found += providers.length
    this.counts.stale += stale
    return { providers, stale, walk: walked }
  }

  #provides(host: number, records: ReadonlyMap<number, Provided>): boolean {
    const { isUp, life } = this.#simulator.hosts[host]!
    const provided = records.get(host)
    return isUp && provided !== undefined && !provided.isWithdrawn && provided.life === life
  }

  /** In the memory of an agent that still runs, and not yet cleared away. */
  #holds(holder: number, { heldBy, isWithdrawn, life }: Provided, provider: number): boolean {
    const { hosts, nowUs } = this.#simulator
    const host = hosts[holder]!
    if (holder === provider) return host.isUp && host.life === life && !isWithdrawn
    const held = heldBy.get(holder)
    if (held === undefined || !host.isUp || host.life !== held.life) return false
    const { validityUs, checkUs } = this.#knobs
    // Old ones go at the holder's next check.
    const phase = (holder * 7919 * 1000) % checkUs
    const clearedUs = Math.ceil((held.atUs + validityUs - phase) / checkUs) * checkUs + phase
    return held.atUs <= nowUs && nowUs < clearedUs
  }

  #write(host: Host, service: string, provided: Provided): void {
    const walked = this.#walk(host, service)
    const place = placeOf(service)
    const distance = (each: number) => (this.table.placeOf(each) ^ place) >>> 0
    const nearest = walked.answers.map((answer) => answer.host)
    nearest.sort((a, b) => distance(a) - distance(b))
    const { hosts, nowUs } = this.#simulator
    for (const holder of nearest.slice(0, this.#knobs.k))
      provided.heldBy.set(holder, { atUs: nowUs + walked.endUs, life: hosts[holder]!.life })
  }

  #renewLater(host: Host, service: string, provided: Provided): void {
    const { validityUs, renewUs, checkUs } = this.#knobs
    const phase = (host.index * 7919 * 1000) % checkUs
    const dueUs = this.#simulator.nowUs + validityUs - renewUs
    const atUs = Math.ceil((dueUs - phase) / checkUs) * checkUs + phase
    const place = { destination: host.index, source: host.index }
    this.#simulator.schedule(atUs - this.#simulator.nowUs, 'task', place, () => {
      if (!host.isUp || host.life !== provided.life || provided.isWithdrawn) return
      if (this.#of(service).get(host.index) !== provided) return
      this.counts.renewed++
      provided.renewals++
      this.#renew(host, service, provided)
      this.#renewLater(host, service, provided)
    })
  }

  /** The holders of last time, when all still run, are found again: the walk need not be worked out. */
  #renew(host: Host, service: string, provided: Provided): void {
    const { hosts, nowUs } = this.#simulator
    const current = [...provided.heldBy].filter(
      ([holder, { life }]) => hosts[holder]!.isUp && hosts[holder]!.life === life,
    )
    if (current.length < provided.heldBy.size || provided.renewals % walkEvery === 0) {
      provided.heldBy.clear()
      return this.#write(host, service, provided)
    }
    for (const [holder, { life }] of current) provided.heldBy.set(holder, { atUs: nowUs, life })
  }

  #walk(host: Host, service: string): Walk {
    const { k, queryUs } = this.#knobs
    const place = placeOf(service)
    const walked = walk({
      start: this.table.closestKnown(host.index, place, k),
      k,
      limitUs: queryUs,
      distance: (each) => (this.table.placeOf(each) ^ place) >>> 0,
      closer: (each) =>
        this.table.closestKnown(each, place, k).filter((other) => other !== host.index),
      ask: (each) => this.#ask(host, this.#simulator.hosts[each]!),
    })
    this.counts.asked += walked.asked
    this.counts.failed += walked.failed
    for (const { host: other } of walked.answers) {
      this.table.meet(host.index, other)
      this.table.meet(other, host.index)
    }
    return walked
  }

  #ask(from: Host, to: Host): { us: number; isThere: boolean } {
    const { network, links } = this.#simulator
    const random = network.randomOf(from.index)
    if (to.isOff || !network.connects(from.index, to.index))
      return { us: dialTimeoutUs, isThere: false }
    const roundTripUs = 2 * network.latencyUs(from.index, to.index)
    if (!to.isUp) return { us: roundTripUs, isThere: false }
    const dialUs = links.isOpen(from, to)
      ? 0
      : dialRoundTrips * roundTripUs + dialling.drawUs(random)
    return { us: dialUs + roundTripUs + work.drawUs(random) + work.drawUs(random), isThere: true }
  }

  #of(service: string): Map<number, Provided> {
    let providers = this.#services.get(service)
    if (providers === undefined) {
      providers = new Map()
      this.#services.set(service, providers)
    }
    return providers
  }
}

/** Renewals after which the walk is made anew, for members that have come nearer. */
const walkEvery = 4

function placeOf(service: string): number {
  return hashText(service, 0x2545f491)
}
