/**
 * Whole cores in memory, on the network of the membership tests: each with a disk that takes 2 ms and tasks that
 * start in 20 ms. What they say to each other about records and slots is logged; what they say about who is
 * there has transcripts of its own.
 */
import type { MemberId } from '../../protocol/base/id.ts'
import type { Value } from '../../protocol/base/value.ts'
import { type Config, defaultConfig } from '../../protocol/config.ts'
import { type Core, createCore } from '../../protocol/core.ts'
import type { Effect, Persist } from '../../protocol/effect.ts'
import type { Event, ObservedTask } from '../../protocol/event.ts'
import type { Resources } from '../../protocol/placement/resources.ts'
import type { Command, Reply } from '../../protocol/request.ts'
import { describeMessage, describeRecord } from './described.ts'
import { latencyMs, Network } from './membership/network.ts'
import { toySeal } from './replication/kit.ts'

const diskMs = 2
const startTaskMs = 20
const stopTaskMs = 5
const joinRetryMs = 500

interface Agent {
  core: Core
  /** What was meant for an earlier life is dropped. */
  life: number
  kept: readonly MemberId[]
  readonly disk: Map<string, Value>
  /** `<allocation>/<task>`. */
  readonly tasks: Map<string, ObservedTask>
  capacity: Resources
  isDiskFull: boolean
}

const usualCapacity: Resources = { cpu: 4000, memory: 8192, disk: 0, gpu: 0 }

export class Agents {
  readonly config: Config
  readonly replies: { to: MemberId; reply: Reply }[] = []
  readonly network: Network
  readonly #agents = new Map<MemberId, Agent>()
  readonly #startedAt: number
  #seed: number
  #lastRequest = 0
  #log: string[] = []

  constructor({ seed = 1, config = {} }: { seed?: number; config?: Partial<Config> } = {}) {
    this.#seed = seed * 1000
    this.config = { ...defaultConfig, ...config }
    this.network = new Network({
      linkOpened: (at, member) => this.tell(at, { type: 'link-opened', member }),
      linkClosed: (at, member) => this.tell(at, { type: 'link-closed', member }),
      wants: (at, other) => this.network.isRunning(at) && this.#agent(at).kept.includes(other),
    })
    this.#startedAt = this.network.now
  }

  get now(): number {
    return this.network.now
  }

  members(): MemberId[] {
    return [...this.#agents.keys()].sort()
  }

  running(): MemberId[] {
    return this.members().filter((member) => this.network.isRunning(member))
  }

  core(member: MemberId): Core {
    return this.#agent(member).core
  }

  /** A new life, with what its disk kept and with the tasks that still run. */
  start(member: MemberId, capacity: Partial<Resources> = {}): void {
    const held = this.#agents.get(member)
    const disk = held?.disk ?? new Map<string, Value>()
    const agent: Agent = {
      core: this.#createCore(member, disk, { ...usualCapacity, ...held?.capacity, ...capacity }),
      life: (held?.life ?? 0) + 1,
      kept: [],
      disk,
      tasks: held?.tasks ?? new Map(),
      capacity: { ...usualCapacity, ...held?.capacity, ...capacity },
      isDiskFull: false,
    }
    this.#agents.set(member, agent)
    this.network.start(member)
    this.tell(member, { type: 'tick' })
    this.tell(member, { type: 'tasks-observed', tasks: [...agent.tasks.values()] })
    this.#join(member, agent.life)
  }

  /** `kill -9` of the agent: its tasks go on. */
  kill(member: MemberId): void {
    this.network.kill(member)
  }

  /** The machine loses power: its tasks end, and nobody is told. */
  powerOff(member: MemberId): void {
    this.network.silence(member)
    this.network.kill(member)
    this.#agent(member).tasks.clear()
  }

  fillDisk(member: MemberId, isFull: boolean): void {
    this.#agent(member).isDiskFull = isFull
  }

  /** Cuts everyone of one side from everyone of the others. */
  partition(...sides: readonly MemberId[][]): void {
    for (const side of sides)
      for (const other of sides)
        if (side !== other) for (const a of side) for (const b of other) this.network.cut(a, b)
  }

  ask(member: MemberId, command: Command): number {
    this.#lastRequest += 1
    this.tell(member, { type: 'request-received', request: this.#lastRequest, command })
    return this.#lastRequest
  }

  submit(
    member: MemberId,
    spec: { [field: string]: unknown },
    copies: number | null = null,
  ): number {
    const tasks = [{ name: 'main', process: { command: ['sleep', '1000'] } }]
    const command = { type: 'submit-job', mode: 'upsert', ifMatch: null } as const
    return this.ask(member, { ...command, spec: { tasks, ...spec }, copies })
  }

  exit(member: MemberId, allocation: string, exitCode: number): void {
    this.#agent(member).tasks.delete(`${allocation}/main`)
    const reason = `exited with ${exitCode}`
    this.tell(member, { type: 'task-exited', allocation, task: 'main', exitCode, reason })
  }

  /** What runs in truth, wherever: `job.slot@member`, sorted. */
  tasks(): string[] {
    return this.members()
      .flatMap((member) =>
        [...this.#agent(member).tasks.values()].map(
          ({ allocation }) => `${slotOf(allocation)}@${member}`,
        ),
      )
      .sort()
  }

  /** Whether all that run hold the same. */
  areEqual(): boolean {
    return new Set(this.running().map((member) => this.core(member).view().digest())).size === 1
  }

  advance(ms: number): void {
    const until = this.now + ms
    for (;;) {
      const due = this.#nextDue()
      if (due !== undefined && due.at <= until && due.at <= this.network.nextAt()) {
        this.network.now = Math.max(this.now, due.at)
        this.tell(due.member, { type: 'tick' })
      } else if (!this.network.runNext(until)) break
    }
    this.network.now = until
  }

  /** Advances until the condition holds; false when it has not within that time. */
  until(condition: () => boolean, withinMs: number): boolean {
    const end = this.now + withinMs
    while (!condition()) {
      if (this.now >= end) return false
      this.advance(10)
    }
    return true
  }

  tell(member: MemberId, event: Event): void {
    if (!this.network.isRunning(member)) return
    const agent = this.#agent(member)
    const effects = agent.core.step(event, this.now)
    const [first, ...rest] = effects
    if (first?.type === 'persist') this.#persist(member, agent, first, rest)
    else for (const effect of effects) this.#perform(member, agent, effect)
  }

  takeLog(): string[] {
    const log = this.#log
    this.#log = []
    return log
  }

  #agent(member: MemberId): Agent {
    const agent = this.#agents.get(member)
    if (agent === undefined) throw new Error(`there is no ${member}`)
    return agent
  }

  #createCore(member: MemberId, disk: ReadonlyMap<string, Value>, capacity: Resources): Core {
    return createCore({
      config: this.config,
      self: member,
      seed: ++this.#seed,
      seal: toySeal(member),
      journal: [...disk].map(([key, value]) => ({ key, value })),
      node: {
        name: member,
        addresses: [],
        labels: {},
        capacity,
        runtimes: ['process'],
        host: '127.0.0.1',
        version: 'test',
        awayUntil: null,
      },
    })
  }

  #nextDue(): { member: MemberId; at: number } | undefined {
    let first: { member: MemberId; at: number } | undefined
    for (const member of this.running()) {
      const at = this.core(member).deadline()
      if (at !== undefined && (first === undefined || at < first.at)) first = { member, at }
    }
    return first
  }

  #join(member: MemberId, life: number): void {
    if (!this.network.isRunning(member) || this.#agent(member).life !== life) return
    if (this.network.linkedTo(member).length === 0)
      for (const other of this.members()) if (other !== member) this.network.dial(member, other)
    this.network.after(joinRetryMs, () => this.#join(member, life))
  }

  /** In this life only. */
  #after(ms: number, member: MemberId, act: (agent: Agent) => void): void {
    const { life } = this.#agent(member)
    this.network.after(ms, () => {
      const agent = this.#agent(member)
      if (agent.life === life && this.network.isRunning(member)) act(agent)
    })
  }

  #persist(member: MemberId, agent: Agent, { id, writes }: Persist, rest: readonly Effect[]): void {
    this.#after(diskMs, member, () => {
      if (agent.isDiskFull) return this.#refuse(member, agent, id, rest)
      for (const { key, value } of writes)
        if (value === null) agent.disk.delete(key)
        else agent.disk.set(key, value)
      for (const effect of rest) this.#perform(member, agent, effect)
      this.tell(member, { type: 'persisted', id })
    })
  }

  #refuse(member: MemberId, agent: Agent, id: number, rest: readonly Effect[]): void {
    const failure = { type: 'effect-failed', detail: 'no space left', definite: true } as const
    this.tell(member, { ...failure, id, code: 'disk-full' })
    for (const effect of rest)
      if ('id' in effect) this.tell(member, { ...failure, id: effect.id, code: 'not-durable' })
      else if (effect.type === 'reply') this.#perform(member, agent, effect)
  }

  #perform(member: MemberId, agent: Agent, effect: Effect): void {
    switch (effect.type) {
      case 'persist':
        return this.#persist(member, agent, effect, [])
      case 'keep-links':
        agent.kept = effect.members
        for (const other of effect.members) this.network.dial(member, other)
        return
      case 'send':
        return this.#send(member, effect)
      case 'publish':
        return this.#publish(member, effect)
      case 'reply':
        this.replies.push({ to: member, reply: effect.reply })
        return this.#print(`${member} answers: ${describeReply(effect.reply)}`)
      case 'reserve-ports': {
        const ports = effect.ports.map(({ name, host }, i) => [name, host ?? 20_000 + i])
        const { id } = effect
        return this.#after(1, member, () =>
          this.tell(member, { type: 'ports-reserved', id, ports: Object.fromEntries(ports) }),
        )
      }
      case 'start-task':
      case 'stop-task':
        return this.#runTask(member, effect)
      default:
        return
    }
  }

  #runTask(member: MemberId, effect: Effect & { type: 'start-task' | 'stop-task' }): void {
    const { id, allocation } = effect
    if (effect.type === 'stop-task') {
      const { task } = effect
      return this.#after(stopTaskMs, member, ({ tasks }) => {
        this.#print(`${member} stops ${slotOf(allocation)}`)
        tasks.delete(`${allocation}/${task}`)
        this.tell(member, { type: 'task-stopped', id, allocation, task, exitCode: 143 })
      })
    }
    this.#after(startTaskMs, member, ({ tasks }) => {
      this.#print(`${member} starts ${slotOf(allocation)}`)
      const task = effect.task.name
      const [found, ports] = [{ pid: 1, containerId: null }, {}]
      tasks.set(`${allocation}/${task}`, {
        allocation,
        task,
        running: true,
        ports,
        exitCode: null,
        ...found,
      })
      this.tell(member, { type: 'task-started', id, allocation, task, ...found })
    })
  }

  #send(from: MemberId, { to, message }: Effect & { type: 'send' }): void {
    const said = describeMessage(message)
    if (said !== undefined) this.#print(`${from} → ${to}: ${said}`)
    const copy = structuredClone(message)
    this.network.send(from, to, () =>
      this.tell(to, { type: 'message-received', from, message: copy }),
    )
  }

  #publish(from: MemberId, { broadcast }: Effect & { type: 'publish' }): void {
    const { records } = broadcast
    if (records.length > 0) this.#print(`${from} → all: ${records.map(describeRecord).join(', ')}`)
    const copy = structuredClone(broadcast)
    for (const to of this.network.reachableFrom(from))
      this.network.after(2 * latencyMs, () =>
        this.tell(to, { type: 'broadcast-received', broadcast: copy }),
      )
  }

  #print(line: string): void {
    this.#log.push(`${String(this.now - this.#startedAt).padStart(6)} ${line}`)
  }
}

/** An allocation's name without its random part. */
export function slotOf(allocation: string): string {
  return allocation.slice(0, allocation.lastIndexOf('.'))
}

export function describeReply(reply: Reply): string {
  if (reply.ok) {
    const { id, created, copies } = reply
    return `${id} ${created ? 'created' : 'accepted'}, ${copies} ${copies === 1 ? 'copy' : 'copies'}`
  }
  const { code, detail } = reply.problem
  return `${code} (${detail})`
}
