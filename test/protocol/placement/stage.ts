/**
 * One steward on a stage: the test writes the records, plays all the members that it asks, and says what
 * time it is. Nothing happens by itself.
 */
import * as assert from 'uvu/assert'
import type { MemberId, Millis } from '../../../protocol/base/id.ts'
import { Random } from '../../../protocol/base/random.ts'
import type { Value } from '../../../protocol/base/value.ts'
import { type Config, defaultConfig } from '../../../protocol/config.ts'
import type { Effect } from '../../../protocol/effect.ts'
import { isPresent, type MemberState } from '../../../protocol/membership/member.ts'
import { Neighbourhood } from '../../../protocol/membership/neighbourhood.ts'
import { ProbeRings } from '../../../protocol/membership/ring.ts'
import type { AllocationBody } from '../../../protocol/placement/allocation.ts'
import { allocationKey } from '../../../protocol/placement/allocation.ts'
import type { Availability } from '../../../protocol/placement/availability.ts'
import { Inventory, type Placed } from '../../../protocol/placement/inventory.ts'
import { type JobSpec, slotResources } from '../../../protocol/placement/job.ts'
import type { PlaceRequest, StopRequest } from '../../../protocol/placement/message.ts'
import type { NodeBody } from '../../../protocol/placement/node-body.ts'
import { Steward } from '../../../protocol/placement/steward.ts'
import type { World, Written } from '../../../protocol/placement/world.ts'
import { node, startMs } from './machine.ts'

export const stampsPerMs = 4096

export interface Asked {
  readonly to: MemberId
  readonly request: PlaceRequest
}

export interface StageInit {
  readonly self?: MemberId
  readonly seed?: number
  readonly config?: Partial<Config>
  /** Share the records and the members of another stage: another steward of the same cluster. */
  readonly like?: Stage
}

export class Stage {
  readonly self: MemberId
  readonly config: Config
  readonly records: Map<string, Written>
  readonly versions: Map<string, Written[]>
  readonly states: Map<MemberId, MemberState>
  readonly availability = new Map<MemberId, Availability>()
  readonly inventory: Inventory
  readonly steward: Steward
  readonly notes: string[] = []
  now: Millis
  #asked: Asked[] = []
  #stops: { to: MemberId; request: StopRequest }[] = []
  readonly #around: Neighbourhood
  #counter = 0

  constructor({ self = 'm1', seed = 1, config = {}, like }: StageInit = {}) {
    this.self = self
    this.config = { ...defaultConfig, ...config }
    this.records = like?.records ?? new Map()
    this.versions = like?.versions ?? new Map()
    this.states = new Map(like?.states ?? [[self, 'alive']])
    this.now = like?.now ?? startMs
    const { ringsMin, ringsMax } = this.config
    this.#around = new Neighbourhood(this.config, self, new ProbeRings(ringsMin, ringsMax))
    for (const member of this.states.keys()) this.#reshape(member)
    const world = this.#world()
    this.inventory = new Inventory(world)
    this.steward = new Steward({
      config: this.config,
      world,
      inventory: this.inventory,
      random: new Random(seed),
      hooks: {
        availability: (member) => this.availability.get(member),
        records: (job) => [`${job} records`],
        askSelf: (request) => {
          if (request.type === 'place-request') this.#asked.push({ to: self, request })
          else this.#stops.push({ to: self, request })
        },
      },
    })
    if (like !== undefined) this.refresh([...like.records.keys()])
  }

  /** A cluster in which every member has been known for long. */
  static of(members: number, init: StageInit & { node?: Partial<NodeBody> } = {}): Stage {
    const stage = new Stage(init)
    for (let i = 1; i <= members; i++) stage.addNode(`m${i}`, { name: `n${i}`, ...init.node })
    stage.pass(stage.config.placementSettleMs)
    return stage
  }

  addNode(member: MemberId, body: Partial<NodeBody> = {}): void {
    this.setState(member, 'alive')
    this.put(`node/${member}`, { ...node(body) } as never, member)
  }

  setState(member: MemberId, state: MemberState | undefined): void {
    if (state === undefined) this.states.delete(member)
    else this.states.set(member, state)
    this.#reshape(member)
    this.steward.onMembersChanged([member], this.now, this.#sink())
    this.settle()
  }

  put(key: string, body: Value, author = 'm9'): void {
    const written = { author, counter: ++this.#counter, stamp: this.now * stampsPerMs, body }
    this.records.set(key, written)
    this.versions.set(key, [written, ...(this.versions.get(key) ?? [])].slice(0, 8))
    this.refresh([key])
  }

  putJob(spec: JobSpec, generation = 1): void {
    this.put(`job/${spec.id}/spec`, { generation, spec } as never)
  }

  drain(member: MemberId): void {
    this.put(`drain/${member}`, { draining: true })
  }

  refresh(keys: readonly string[]): void {
    this.steward.onInventoryChanged(this.inventory.refresh(keys), this.now, this.#sink())
    this.settle()
  }

  setAvailability(member: MemberId, free: Partial<Availability['capacity']>): void {
    const none = { cpu: 0, memory: 0, disk: 0, gpu: 0 }
    const counter = (this.availability.get(member)?.counter ?? 0) + 1
    const capacity = { ...none, ...free }
    this.availability.set(member, { member, counter, capacity, committed: none, used: none })
    this.steward.onAvailabilityChanged(member, this.now, this.#sink())
    this.settle()
  }

  /** Performs what is due now, as often as something is. */
  settle(): void {
    for (let i = 0; ; i++) {
      const deadline = this.steward.deadline()
      if (deadline === undefined || deadline > this.now) return
      assert.ok(i < 1000, 'the steward comes to rest')
      this.steward.onDeadlines(this.now, this.#sink())
    }
  }

  pass(ms: Millis): void {
    const end = this.now + ms
    for (let next = this.steward.deadline(); next !== undefined && next <= end; ) {
      this.now = Math.max(this.now, next)
      this.settle()
      next = this.steward.deadline()
    }
    this.now = end
    this.settle()
  }

  /** What was asked since the last look, and is not answered by looking. */
  takeAsked(): Asked[] {
    return this.#asked.splice(0)
  }

  takeStops(): string[] {
    return this.#stops.splice(0).map(({ to, request }) => `${to} ${request.allocation}`)
  }

  takeStopRequests(): StopRequest[] {
    return this.#stops.splice(0).map(({ request }) => request)
  }

  /** The member takes the slot: its record is there when it answers. */
  accept({ to, request }: Asked, body: Partial<AllocationBody> = {}): void {
    this.place(to, request, body)
    this.#respond({ to, request }, request.allocation, null)
  }

  decline({ to, request }: Asked, reason = 'cpu: needs 100, 0 free'): void {
    this.#respond({ to, request }, null, reason)
  }

  /** Answers yes to everything until nothing more is asked. */
  acceptAll(body: Partial<AllocationBody> = healthy): Asked[] {
    const all: Asked[] = []
    for (let asked = this.takeAsked(); asked.length > 0; asked = this.takeAsked()) {
      for (const each of asked) this.accept(each, body)
      all.push(...asked)
    }
    return all
  }

  place(
    member: MemberId,
    wanted: Pick<PlaceRequest, 'job' | 'slot' | 'version' | 'allocation' | 'failures'>,
    change: Partial<AllocationBody> = {},
  ): void {
    const { job, slot, version, allocation: id, failures } = wanted
    const { spec, essence = '' } = this.inventory.job(job) ?? {}
    const body: AllocationBody = {
      id,
      job,
      slot,
      version,
      essence,
      state: 'pending',
      healthy: false,
      resources: spec ? slotResources(spec) : { cpu: 0, memory: 0, disk: 0, gpu: 0 },
      ports: {},
      tasks: [],
      createdStamp: this.now * stampsPerMs,
      runningSince: null,
      reason: null,
      failures,
      ...change,
    }
    this.put(allocationKey(member, id), body as never, member)
  }

  /** The owner writes its allocation again. */
  change(id: string, change: Partial<AllocationBody>): void {
    const placed = this.inventory.allocation(id)
    assert.ok(placed, `${id} is there`)
    const { member, body } = placed as Placed
    this.put(allocationKey(member, id), { ...body, ...change } as never, member)
  }

  remove(id: string): void {
    const member = this.inventory.allocation(id)?.member
    assert.ok(member, `${id} is there`)
    this.put(allocationKey(member as string, id), null, member)
  }

  /** `slot member state`, of all allocations of the job that have not ended. */
  standing(job: string): string[] {
    return this.inventory
      .allocationsOf(job)
      .filter(({ body }) => body.state !== 'complete' && body.state !== 'failed')
      .map(({ member, body }) => `${body.slot} ${member}${body.healthy ? ' healthy' : ''}`)
  }

  #respond({ to, request }: Asked, allocation: string | null, reason: string | null): void {
    const response = {
      type: 'place-response',
      job: request.job,
      slot: request.slot,
      requested: request.allocation,
      allocation,
      reason,
      records: [],
    } as const
    this.steward.onPlaceResponse(to, { ...response, records: [] }, this.now, this.#sink())
    this.settle()
  }

  #sink(): { push(effect: Effect): void } {
    return { push: (effect) => this.#perform(effect) }
  }

  #perform(effect: Effect): void {
    if (effect.type === 'notify' && effect.notification.type === 'slot-waiting') {
      const { job, reason } = effect.notification
      this.notes.push(`${job}: ${reason}`)
      return
    }
    assert.is(effect.type, 'send')
    if (effect.type !== 'send') return
    assert.is.not(effect.to, this.self, 'effects never address self')
    if (effect.message.type === 'place-request')
      this.#asked.push({ to: effect.to, request: effect.message })
    else if (effect.message.type === 'stop-request')
      this.#stops.push({ to: effect.to, request: effect.message })
  }

  #reshape(member: MemberId): void {
    this.#around.reshape(member, isPresent(this.states.get(member) ?? 'left'))
  }

  #world(): World {
    return {
      self: this.self,
      present: () => this.#around.present(),
      presentCount: () => this.#around.presentCount,
      takeMoves: () => this.#around.takeMoves(),
      stateOf: (member) => this.states.get(member),
      incarnationOf: () => undefined,
      read: (key) => this.records.get(key),
      versions: (key) => this.versions.get(key) ?? [],
      keys: (prefix) => [...this.records.keys()].filter((key) => key.startsWith(prefix)).sort(),
      write: (key, body) => this.put(key, body, this.self),
      nextEffectId: () => ++this.#counter,
      stamp: (now) => now * stampsPerMs,
      canPersist: () => true,
    }
  }
}

export const healthy = { state: 'running', healthy: true } as const

/** On how many members a job's standing allocations are, most first. */
export function perMember(stage: Stage, job: string): number[] {
  const counts = new Map<string, number>()
  for (const line of stage.standing(job)) {
    const member = line.split(' ')[1]!
    counts.set(member, (counts.get(member) ?? 0) + 1)
  }
  return [...counts.values()].sort((a, b) => b - a)
}

/** An id whose steward is the member, in a cluster like the stage's. */
export function jobOf(stage: Stage, member: string, prefix = 'web'): string {
  for (let i = 0; ; i++) {
    const id = `${prefix}${i}`
    if (stage.steward.stewardOf(id) === member) return id
    assert.ok(i < 10_000)
  }
}
