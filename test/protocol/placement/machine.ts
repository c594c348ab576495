/**
 * One member's side of placement over a world made of maps: the tests say what others write, what happens to
 * tasks and what time it is; it answers with the effects, as lines that a person can read.
 */
import * as assert from 'uvu/assert'
import type { EffectId, MemberId, Millis } from '../../../protocol/base/id.ts'
import { Random } from '../../../protocol/base/random.ts'
import { check } from '../../../protocol/base/schema.ts'
import type { Value } from '../../../protocol/base/value.ts'
import { defaultConfig } from '../../../protocol/config.ts'
import type { Effect } from '../../../protocol/effect.ts'
import type { Event, ObservedTask } from '../../../protocol/event.ts'
import type { MemberState } from '../../../protocol/membership/member.ts'
import { type AllocationBody, allocationKey } from '../../../protocol/placement/allocation.ts'
import { Host } from '../../../protocol/placement/host.ts'
import { Inventory } from '../../../protocol/placement/inventory.ts'
import { type JobSpec, jobSchema } from '../../../protocol/placement/job.ts'
import type { PlaceRequest, PlaceResponse } from '../../../protocol/placement/message.ts'
import type { NodeBody } from '../../../protocol/placement/node-body.ts'
import type { World, Written } from '../../../protocol/placement/world.ts'

export const startMs = 1_700_000_000_000
const stampsPerMs = 4096

export function node(overrides: Partial<NodeBody> = {}): NodeBody {
  return {
    name: 'n1',
    addresses: [],
    labels: { zone: 'a' },
    capacity: { cpu: 1000, memory: 1000, disk: 1000, gpu: 1 },
    runtimes: ['process'],
    host: '10.0.0.1',
    version: 'test',
    awayUntil: null,
    ...overrides,
  }
}

/** A job of one task `server` of 100 millicores, unless said otherwise. */
export function spec(overrides: { [field: string]: unknown } = {}): JobSpec {
  const result = check(jobSchema, { id: 'web', count: 3, tasks: [task()], ...overrides })
  assert.ok(result.ok, JSON.stringify(result))
  return (result as { value: JobSpec }).value
}

export function task(overrides: { [field: string]: unknown } = {}): { [field: string]: unknown } {
  return {
    name: 'server',
    process: { command: ['sleep', '1000'] },
    resources: { cpu: 100, memory: 100 },
    ...overrides,
  }
}

export interface MachineInit {
  readonly self?: MemberId
  readonly node?: NodeBody
  /** What an earlier life left behind. */
  readonly records?: Map<string, Written>
  readonly now?: Millis
  readonly seed?: number
}

export class Machine {
  readonly self: MemberId
  readonly records: Map<string, Written>
  readonly inventory: Inventory
  readonly host: Host
  readonly states = new Map<MemberId, MemberState>()
  /** All effects with an id that have not been answered. */
  readonly unanswered = new Map<EffectId, Effect>()
  readonly writes: string[] = []
  now: Millis
  canPersist = true
  lastEffects: Effect[] = []
  #changed: string[] = []
  #lastEffectId = 0
  #counter = 0
  #isStarted = false

  constructor(init: MachineInit = {}) {
    this.self = init.self ?? 'm1'
    this.records = init.records ?? new Map()
    this.now = init.now ?? startMs
    this.#counter = this.records.size * 1000
    this.states.set(this.self, 'alive')
    const world: World = {
      self: this.self,
      present: () => [...this.states].filter(([, state]) => state === 'alive').map(([id]) => id),
      presentCount: () => world.present().length,
      takeMoves: () => ({ came: [], gone: [] }),
      stateOf: (member) => this.states.get(member),
      incarnationOf: () => undefined,
      read: (key) => this.records.get(key),
      keys: (prefix) =>
        [...this.records]
          .filter(([key, { body }]) => key.startsWith(prefix) && body !== null)
          .map(([key]) => key)
          .sort(),
      write: (key, body) => {
        this.writes.push(key)
        this.put(key, body, this.self)
      },
      nextEffectId: () => ++this.#lastEffectId,
      stamp: () => this.#stamp(),
      canPersist: () => this.canPersist,
    }
    this.inventory = new Inventory(world)
    this.host = new Host({
      config: defaultConfig,
      world,
      inventory: this.inventory,
      random: new Random(init.seed ?? 1),
      node: init.node ?? node(),
      hooks: { record: (key) => this.records.get(key) },
    })
    this.put(`node/${this.self}`, { ...(init.node ?? node()) } as unknown as Value)
  }

  /** Starts with what is in the records; nothing runs, unless told. */
  start(observed: readonly ObservedTask[] = [], unanswered: NodeBody['runtimes'] = []): string[] {
    this.inventory.refresh([...this.records.keys()])
    this.#changed = []
    this.#isStarted = true
    return this.step((out) => {
      this.host.start(this.now, out)
      const event = { type: 'tasks-observed', tasks: observed, unanswered } as const
      this.host.onTasksObserved(event, this.now, out)
    })
  }

  /** A runtime that did not answer at the start does now. */
  observe(tasks: readonly ObservedTask[]): string[] {
    const event = { type: 'tasks-observed', tasks } as const
    return this.step((out) => this.host.onTasksObserved(event, this.now, out))
  }

  /** A record that somebody wrote; what the host makes of it comes with the next step. */
  put(key: string, body: Value, author: MemberId = 'user'): void {
    this.#counter += 1
    this.records.set(key, { author, counter: this.#counter, stamp: this.#stamp(), body })
    this.#changed.push(key)
  }

  putJob(job: JobSpec, generation = 1): string {
    this.put(`job/${job.id}/spec`, { generation, spec: job } as unknown as Value)
    this.put(`job/${job.id}/count`, { count: job.count })
    if (this.#isStarted) this.settle()
    else this.inventory.refresh(this.#changed)
    return this.inventory.job(job.id)!.version
  }

  deleteJob(id: string): string[] {
    this.put(`job/${id}/spec`, null)
    this.put(`job/${id}/count`, null)
    return this.settle()
  }

  /** Another member's allocation. */
  putAllocation(member: MemberId, body: AllocationBody): string[] {
    this.put(allocationKey(member, body.id), body as unknown as Value, member)
    return this.settle()
  }

  settle(): string[] {
    return this.step(() => {})
  }

  /** Runs one step with all that follows from it at once, as the core does. */
  step(act: (out: Effect[]) => void): string[] {
    const out: Effect[] = []
    act(out)
    for (let round = 0; this.#changed.length > 0; round++) {
      assert.ok(round < 64, 'a step settles')
      const change = this.inventory.refresh(this.#changed.splice(0))
      this.host.onInventoryChanged(change, this.now, out)
    }
    for (const effect of out) if ('id' in effect) this.unanswered.set(effect.id, effect)
    this.lastEffects = out
    return out.map(describe)
  }

  event(event: Event): string[] {
    if ('id' in event) assert.ok(this.unanswered.delete(event.id), 'an effect is answered once')
    return this.step((out) => this.host.onEvent(event, this.now, out))
  }

  /** The id of the unanswered effect that reads like this. */
  idOf(line: string): EffectId {
    const found = [...this.unanswered].find(([, effect]) => describe(effect) === line)
    assert.ok(found, `no effect under way reads: ${line}`)
    return found[0]
  }

  started(allocation: string, name = 'server', pid = 100): string[] {
    const id = this.idOf(`start-task ${allocation} ${name}`)
    return this.event({ type: 'task-started', id, allocation, task: name, pid, containerId: null })
  }

  stopped(allocation: string, name = 'server', exitCode: number | null = 143): string[] {
    const id = this.idOf(`stop-task ${allocation} ${name}`)
    return this.event({ type: 'task-stopped', id, allocation, task: name, exitCode })
  }

  exited(allocation: string, exitCode: number | null, name = 'server'): string[] {
    const reason = `exited with ${exitCode}`
    return this.event({ type: 'task-exited', allocation, task: name, exitCode, reason })
  }

  failed(line: string, overrides: Partial<Event & { type: 'effect-failed' }> = {}): string[] {
    const id = this.idOf(line)
    const failure = { code: 'failed', detail: 'did not work', definite: true, ...overrides }
    return this.event({ ...failure, type: 'effect-failed', id })
  }

  reserved(line: string, ports: { [name: string]: number }): string[] {
    return this.event({ type: 'ports-reserved', id: this.idOf(line), ports })
  }

  checked(allocation: string, passing: boolean): string[] {
    const report = { task: 'server', check: 0, passing, output: '' }
    return this.event({ type: 'check-reported', allocation, ...report })
  }

  /** Lets time pass to the next deadline, and says how long that was. */
  toDeadline(): { afterMs: Millis; effects: string[] } {
    const at = this.host.deadline()
    assert.ok(at !== undefined, 'there is a deadline')
    const afterMs = Math.max(0, at - this.now)
    return { afterMs, effects: this.after(afterMs) }
  }

  after(ms: Millis): string[] {
    this.now += ms
    return this.step((out) => this.host.onDeadlines(this.now, out))
  }

  request(overrides: Partial<PlaceRequest> = {}): PlaceRequest {
    const job = overrides.job ?? 'web'
    const slot = overrides.slot ?? 0
    return {
      type: 'place-request',
      job,
      slot,
      version: this.inventory.job(job)?.version ?? '1-00000000',
      essence: this.inventory.job(job)?.essence ?? '',
      allocation: `${job}.${slot}.${String(slot).padStart(8, '0')}`,
      failures: 0,
      replaces: null,
      over: [],
      records: [],
      ...overrides,
    }
  }

  place(overrides: Partial<PlaceRequest> = {}): PlaceResponse {
    let response: PlaceResponse | undefined
    this.step((out) => {
      response = this.host.onPlaceRequest('m2', this.request(overrides), this.now, out)
    })
    return response!
  }

  /** Placed and started, ready to run: the id. */
  run(overrides: Partial<PlaceRequest> = {}): string {
    const { allocation, reason } = this.place(overrides)
    assert.ok(allocation, `declined: ${reason}`)
    for (const effect of [...this.unanswered.values()])
      if (effect.type === 'start-task' && effect.allocation === allocation)
        this.started(allocation, effect.task.name)
    return allocation
  }

  body(allocation: string): AllocationBody {
    const body = this.records.get(allocationKey(this.self, allocation))?.body
    assert.ok(body, `there is a record of ${allocation}`)
    return body as unknown as AllocationBody
  }

  has(allocation: string): boolean {
    return (this.records.get(allocationKey(this.self, allocation))?.body ?? null) !== null
  }

  committedCpu(): number {
    return this.host.availability(this.now).committed.cpu
  }

  #stamp(): number {
    return this.now * stampsPerMs + (++this.#counter % stampsPerMs)
  }
}

export function describe(effect: Effect): string {
  switch (effect.type) {
    case 'start-task':
      return `start-task ${effect.allocation} ${effect.task.name}`
    case 'stop-task':
    case 'unwatch-checks':
      return `${effect.type} ${effect.allocation} ${effect.task}`
    case 'watch-checks':
      return `watch-checks ${effect.allocation} ${effect.task.name}`
    case 'reserve-ports': {
      const ports = effect.ports.map(({ name, host }) => `${name}=${host ?? '?'}`)
      return `reserve-ports ${effect.allocation} ${ports.join(' ')}`
    }
    case 'release-ports':
    case 'remove-allocation':
      return `${effect.type} ${effect.allocation}`
    case 'notify': {
      const { notification } = effect
      if (notification.type !== 'allocation-changed') return `notify ${notification.type}`
      const { allocation, state, healthy, reason } = notification
      const health = healthy ? ' healthy' : ''
      return `notify ${allocation} ${state}${health}${reason === null ? '' : ` (${reason})`}`
    }
    default:
      return effect.type
  }
}
