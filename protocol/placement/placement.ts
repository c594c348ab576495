/**
 * Placement as a whole: what is known (inventory, availability), the side that decides (steward) and the side
 * that runs (host). A steward that finds itself the best candidate asks its own host as it would ask
 * another member; such requests wait in a queue, so that neither side is entered while it is at work.
 */
import type { BigMaps } from '../base/big-map.ts'
import { earliest } from '../base/deadline.ts'
import type { JobId, MemberId, Millis } from '../base/id.ts'
import { Random } from '../base/random.ts'
import type { Config } from '../config.ts'
import type { EffectSink } from '../effect.ts'
import type { Event } from '../event.ts'
import type { Availability } from './availability.ts'
import { AvailabilityTable } from './availability-table.ts'
import { Host } from './host.ts'
import { Inventory, type InventoryChange } from './inventory.ts'
import type { PlacementMessage, PlaceRequest, StopRequest } from './message.ts'
import { newsOf } from './news.ts'
import type { NodeBody } from './node-body.ts'
import { Steward } from './steward.ts'
import type { World } from './world.ts'

export interface PlacementInit {
  readonly config: Config
  readonly world: World
  readonly random: Random
  readonly node: NodeBody
  /** What others do is told as well. */
  readonly news: 'all' | undefined
  readonly maps: BigMaps | undefined
  /** The replica's record of a key, to hand to another member. */
  readonly recordOf: (key: string) => unknown
}

export class Placement {
  readonly inventory: Inventory
  readonly steward: Steward
  readonly host: Host
  readonly availability: AvailabilityTable
  readonly #self: MemberId
  readonly #world: World
  readonly #asked: (PlaceRequest | StopRequest)[] = []
  readonly #news: 'all' | undefined
  #newsSince: Millis | undefined

  constructor({ config, world, random, node, news, maps, recordOf }: PlacementInit) {
    this.#self = world.self
    this.#world = world
    this.#news = news
    this.inventory = new Inventory(world, maps)
    this.availability = new AvailabilityTable({ config, self: world.self, maps })
    this.host = new Host({
      config,
      world,
      inventory: this.inventory,
      random: new Random(random.uint32()),
      node,
      hooks: { record: recordOf },
    })
    this.steward = new Steward({
      config,
      world,
      inventory: this.inventory,
      random: new Random(random.uint32()),
      maps,
      hooks: {
        availability: (member) => this.availability.get(member),
        records: (job) => jobRecords(job, recordOf),
        askSelf: (request) => this.#asked.push(request),
      },
    })
  }

  /** What another member knows of the cluster; nothing of what it does itself. */
  adopt(other: Placement): void {
    this.inventory.adopt(other.inventory)
    this.availability.adopt(other.availability)
    this.steward.adopt(other.steward)
  }

  start(now: Millis, out: EffectSink): void {
    if (this.#news === 'all') this.#newsSince = now
    this.host.start(now, out)
  }

  onMessage(from: MemberId, message: PlacementMessage, now: Millis, out: EffectSink): void {
    switch (message.type) {
      case 'place-request':
        out.push({
          type: 'send',
          to: from,
          message: this.host.onPlaceRequest(from, message, now, out),
        })
        return
      case 'place-response':
        if (message.availability !== undefined) this.learn(from, [message.availability], now, out)
        this.steward.onPlaceResponse(from, message, now, out)
        return
      case 'stop-request':
        this.host.onStopRequest(from, message, now, out)
    }
  }

  onRecordsChanged(keys: readonly string[], now: Millis, out: EffectSink): void {
    const change = this.inventory.refresh(keys)
    this.#tellNews(change, out)
    this.host.onInventoryChanged(change, now, out)
    this.steward.onInventoryChanged(change, now, out)
  }

  onMembersChanged(members: readonly MemberId[], now: Millis, out: EffectSink): void {
    this.host.onMembersChanged(members, now, out)
    this.steward.onMembersChanged(members, now, out)
  }

  /** Who looks after what the member runs or looks after once it is dead, after those that are `gone`, or runs the same. */
  concernedBy(member: MemberId, gone: readonly MemberId[]): MemberId[] {
    const slots = this.inventory.allocationsOn(member).map(({ body }) => body)
    const others = slots.flatMap(({ job, slot }) =>
      this.inventory.allocationsOf(job).filter(({ body }) => body.slot === slot),
    )
    const jobs = slots.map(({ job }) => job)
    const stewards = this.steward.stewardship.heirsOf(member, gone, jobs)
    return [...others.map((placed) => placed.member), ...stewards]
  }

  /** True if it makes a difference now. */
  learn(from: MemberId, entries: readonly Availability[], now: Millis, out: EffectSink): boolean {
    let isNews = false
    for (const member of this.availability.learn(from, entries, now))
      if (this.steward.onAvailabilityChanged(member, now, out)) isNews = true
    return isNews
  }

  /** What the author of a broadcast has free. */
  hear(entry: Availability, now: Millis, out: EffectSink): void {
    if (this.availability.hear(entry, now))
      this.steward.onAvailabilityChanged(entry.member, now, out)
  }

  /** True if the event was an answer to the host. */
  onEvent(event: Event, now: Millis, out: EffectSink): boolean {
    return this.host.onEvent(event, now, out)
  }

  /** Lets the host answer what the steward asked of it. True if there was anything. */
  settle(now: Millis, out: EffectSink): boolean {
    const own = this.host.availability(now)
    if (this.availability.setOwn(own, now)) this.steward.onAvailabilityChanged(this.#self, now, out)
    if (this.#asked.length === 0) return false
    const asked = this.#asked.splice(0)
    for (const request of asked) {
      if (request.type === 'stop-request') {
        this.host.onStopRequest(this.#self, request, now, out)
        continue
      }
      const response = this.host.onPlaceRequest(this.#self, request, now, out)
      this.steward.onPlaceResponse(this.#self, response, now, out)
    }
    return true
  }

  deadline(): Millis | undefined {
    return earliest(this.host.deadline(), this.steward.deadline(), this.availability.deadline())
  }

  onDeadlines(now: Millis, out: EffectSink): void {
    this.host.onDeadlines(now, out)
    this.steward.onDeadlines(now, out)
  }

  #tellNews(change: InventoryChange, out: EffectSink): void {
    const since = this.#newsSince
    if (since === undefined) return
    const sources = { world: this.#world, inventory: this.inventory, since }
    for (const notification of newsOf(change, sources)) out.push({ type: 'notify', notification })
  }
}

function jobRecords(job: JobId, recordOf: (key: string) => unknown): unknown[] {
  const records = [recordOf(`job/${job}/spec`), recordOf(`job/${job}/count`)]
  return records.filter((record) => record !== undefined)
}
