/**
 * One machine: an agent's core with its disk, its tasks and its clock. `perform` is the simulator's side of the
 * contract in protocol/effect.ts, as node/perform.ts is the agent's.
 */
import type { MemberId, RequestId } from '../protocol/base/id.ts'
import { unreachable } from '../protocol/base/invariant.ts'
import type { Random } from '../protocol/base/random.ts'
import type { Core } from '../protocol/core.ts'
import { createCore } from '../protocol/core.ts'
import type { Effect, Notification, Persist, StartTask } from '../protocol/effect.ts'
import type { Event } from '../protocol/event.ts'
import type { Resources } from '../protocol/placement/resources.ts'
import type { Command, Reply } from '../protocol/request.ts'
import { Disk } from './disk.ts'
import type { Condition } from './metrics/metrics.ts'
import type { Kind } from './queue.ts'
import { TaskRuntime } from './runtime.ts'
import { toySeal } from './seal.ts'
import { epochMs, type Simulator } from './simulator.ts'
import { carry, carryBroadcast } from './wire.ts'

export interface HostInit {
  readonly index: number
  readonly random: Random
  readonly skewMs: number
  readonly capacity: Resources
}

export class Host {
  readonly index: number
  readonly id: MemberId
  readonly name: string
  readonly capacity: Resources
  readonly disk: Disk
  readonly runtime: TaskRuntime
  /** Counts the agent's starts; what was meant for an earlier life is dropped. */
  life = 0
  isUp = false
  isDestroyed = false
  /** Steps, and what left and came, for the report. */
  readonly counts = { steps: 0, sent: 0, published: 0, received: 0, persisted: 0 }
  /** Told when the core asks the runtime to start something: the capacity checker. */
  onStart: ((host: Host) => void) | undefined
  readonly #simulator: Simulator
  readonly #random: Random
  readonly #skewMs: number
  #core: Core | undefined
  #wanted = new Set<MemberId>()
  #wakeAtUs = never
  #replies = new Map<RequestId, (reply: Reply) => void>()
  #lastRequest = 0

  constructor(simulator: Simulator, init: HostInit) {
    this.#simulator = simulator
    this.#random = init.random
    this.#skewMs = init.skewMs
    this.index = init.index
    this.name = `n${init.index}`
    this.id = `member-${String(init.index).padStart(6, '0')}`
    this.capacity = init.capacity
    this.disk = new Disk(init.random)
    this.runtime = new TaskRuntime(init.random)
    const { metrics } = simulator
    this.runtime.onChange = (task, change) =>
      change === 1 ? metrics.taskStarted(task, simulator.nowUs) : metrics.taskEnded(task)
  }

  get core(): Core {
    return this.#core!
  }

  /** Starts the agent, with what the disk kept, and dials `seeds`. */
  start(seeds: readonly Host[]): void {
    this.life++
    this.isUp = true
    this.#wakeAtUs = never
    this.#wanted = new Set()
    this.#simulator.metrics.started(this.index, this.#simulator.nowUs)
    this.#core = createCore({
      config: this.#simulator.config,
      self: this.id,
      seed: this.#random.uint32(),
      seal: toySeal(this.id),
      journal: this.disk.journal(),
      node: {
        name: this.name,
        addresses: [],
        labels: { zone: `z${this.index % 3}` },
        capacity: this.capacity,
        runtimes: ['process'],
        host: '127.0.0.1',
        version: 'sim',
        awayUntil: null,
      },
    })
    this.receive(tick)
    this.receive({ type: 'tasks-observed', tasks: this.runtime.observe() })
    for (const seed of seeds) if (seed !== this) this.#simulator.links.dial(this, seed)
  }

  /** `kill -9` of the agent: tasks go on, sockets are reset, what was not durable is lost. */
  killAgent(): void {
    if (!this.isUp) return
    this.isUp = false
    this.#core = undefined
    this.#died('agent down')
    this.#simulator.record(this.index, 'killed')
    this.#simulator.links.reset(this)
  }

  /** Power off: the tasks end too, and nobody is told. */
  powerOff(): void {
    if (!this.isUp) return
    this.isUp = false
    this.#core = undefined
    this.runtime.clear()
    this.#died('off')
    this.#simulator.record(this.index, 'power off')
    this.#simulator.links.silenceAll(this)
  }

  #died(condition: Condition): void {
    const { metrics, hosts, nowUs } = this.#simulator
    let others = 0
    for (const host of hosts) if (host.isUp) others++
    metrics.died(this.index, others, nowUs)
    metrics.mark(this.index, condition, nowUs)
  }

  wants(other: Host): boolean {
    return this.isUp && (this.#wanted.has(other.id) || this.#wanted.size === 0)
  }

  /** Asks the agent as a client would. */
  request(command: Command, onReply: (reply: Reply) => void): void {
    this.#lastRequest++
    this.#replies.set(this.#lastRequest, onReply)
    this.receive({ type: 'request-received', request: this.#lastRequest, command })
  }

  receive(event: Event): void {
    if (!this.isUp) return
    this.counts.steps++
    const { effectLists } = this.#simulator
    const effects = effectLists.pop() ?? []
    this.core.stepInto(event, this.#localNowMs(), effects)
    this.#simulator.recordStep(this.index, event)
    this.#performAll(effects)
    effects.length = 0
    effectLists.push(effects)
    this.#armWake()
  }

  /** From the network. */
  arrive(event: Event): void {
    this.counts.received++
    this.receive(event)
  }

  /** The timer fired. Meanwhile the deadline may have moved: then it is set again, and nothing is stepped. */
  wake(): void {
    if (!this.isUp || this.#wakeAtUs !== this.#simulator.nowUs) return
    this.#wakeAtUs = never
    const deadline = this.core.deadline()
    if (deadline !== undefined && deadline <= this.#localNowMs()) this.receive(tick)
    else this.#armWake()
  }

  #localNowMs(): number {
    return epochMs + this.#skewMs + Math.floor(this.#simulator.nowUs / 1000)
  }

  #armWake(): void {
    const deadline = this.#core?.deadline()
    if (deadline === undefined) return
    const { nowUs } = this.#simulator
    const atUs = Math.max((deadline - epochMs - this.#skewMs) * 1000, nowUs + 1)
    if (this.#wakeAtUs <= atUs && this.#wakeAtUs > nowUs) return
    this.#wakeAtUs = atUs
    this.#simulator.scheduleWake(atUs - nowUs, this)
  }

  /** In this life only. */
  #after(delayUs: number, kind: Kind, run: () => void): void {
    const life = this.life
    const place = { destination: this.index, source: this.index }
    this.#simulator.schedule(delayUs, kind, place, () => {
      if (this.isUp && this.life === life) run()
    })
  }

  #performAll(effects: readonly Effect[]): void {
    const first = effects[0]
    if (first?.type !== 'persist') {
      for (const effect of effects) this.#perform(effect)
      return
    }
    const rest = effects.slice(1)
    this.#after(this.disk.delayUs(), 'disk', () => this.#persisted(first, rest))
  }

  /** The rest of the list waited for this. */
  #persisted(persist: Persist, rest: readonly Effect[]): void {
    const failure = { code: 'disk-full', detail: 'no space left', definite: true }
    if (this.disk.isFull) {
      this.receive({ type: 'effect-failed', id: persist.id, ...failure })
      for (const effect of rest)
        if ('id' in effect)
          this.receive({ type: 'effect-failed', id: effect.id, ...failure, code: 'not-durable' })
        else if (effect.type === 'reply' || effect.type === 'notify') this.#perform(effect)
      return
    }
    this.disk.commit(persist.writes)
    this.counts.persisted++
    for (const effect of rest) this.#perform(effect)
    this.receive({ type: 'persisted', id: persist.id })
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(effect)
      case 'publish':
        return this.#publish(effect)
      case 'keep-links':
        return this.#keepLinks(effect.members)
      case 'persist':
        return this.#performAll([effect])
      case 'reserve-ports': {
        const ports = this.runtime.reservePorts(effect.allocation, effect.ports)
        const { id } = effect
        return this.#answer(
          500,
          ports === undefined
            ? {
                type: 'effect-failed',
                id,
                code: 'port-taken',
                detail: 'port taken',
                definite: true,
              }
            : { type: 'ports-reserved', id, ports },
        )
      }
      case 'release-ports':
        return this.runtime.releasePorts(effect.allocation)
      case 'start-task':
        return this.#startTask(effect)
      case 'stop-task': {
        const { id, allocation, task } = effect
        this.#after(this.runtime.stopDelayUs(), 'task', () => {
          this.runtime.stop(allocation, task)
          this.receive({ type: 'task-stopped', id, allocation, task, exitCode: 143 })
        })
        return
      }
      case 'watch-checks':
        effect.task.checks.forEach((_, check) => {
          const { allocation } = effect
          const report = { allocation, task: effect.task.name, check, passing: true, output: '' }
          this.#answer(20_000 + check, { type: 'check-reported', ...report })
        })
        return
      case 'remove-allocation':
        return this.runtime.removeAllocation(effect.allocation)
      case 'reply':
        this.#replies.get(effect.request)?.(effect.reply)
        this.#replies.delete(effect.request)
        return
      case 'stop-agent':
        return this.killAgent()
      case 'notify':
        return this.#notify(effect.notification)
      case 'unwatch-checks':
      case 'provide':
      case 'withdraw':
        return
      default:
        unreachable(effect)
    }
  }

  #keepLinks(members: readonly MemberId[]): void {
    this.#wanted = new Set(members)
    const { byId, links } = this.#simulator
    for (const id of members) {
      const other = byId.get(id)
      if (other !== undefined) links.dial(this, other)
    }
  }

  #notify(notification: Notification): void {
    this.#simulator.record(this.index, `notify ${notification.type}`)
    if (notification.type !== 'member-changed' || notification.update.state !== 'down') return
    const { byId, metrics, network, nowUs } = this.#simulator
    const subject = byId.get(notification.update.member)?.index
    if (subject === undefined) return
    metrics.noticedDown(this.index, subject, network.connects(this.index, subject), nowUs)
  }

  #answer(delayUs: number, event: Event): void {
    this.#after(delayUs, 'task', () => this.receive(event))
  }

  #startTask(effect: StartTask): void {
    const { id, allocation } = effect
    const fails = this.runtime.startFails()
    const failure = { code: 'start-failed', detail: 'the engine refused' }
    this.#after(this.runtime.startDelayUs(), 'task', () => {
      if (fails === 'definitely')
        return this.receive({ type: 'effect-failed', id, ...failure, definite: true })
      const { pid, task } = this.runtime.start(effect)
      this.onStart?.(this)
      if (fails === 'unknown')
        return this.receive({ type: 'effect-failed', id, ...failure, definite: false })
      this.receive({ type: 'task-started', id, allocation, task, pid, containerId: null })
    })
  }

  #send(effect: Effect & { type: 'send' }): void {
    this.counts.sent++
    const to = this.#simulator.byId.get(effect.to)
    if (to === undefined) return
    const { links, network, options } = this.#simulator
    const isOpen = links.isOpen(this, to)
    if (!isOpen) links.dial(this, to)
    // A link that has to be opened first costs three more ways.
    for (const delayUs of network.transit(this.index, to.index, isOpen ? 1 : 4).delaysUs) {
      const message = carry(effect.message, options.encode ?? false)
      const event: Event = { type: 'message-received', from: this.id, message }
      this.#simulator.scheduleArrival(delayUs, this, to, event)
    }
  }

  /** The broadcast is shared by all who hear it: it never changes. */
  #publish({ broadcast }: Effect & { type: 'publish' }): void {
    this.counts.published++
    const { network, hosts, options } = this.#simulator
    const shared: Event = { type: 'broadcast-received', broadcast }
    for (const to of hosts) {
      if (to === this) continue
      const hops = network.gossipHops(hosts.length)
      for (const delayUs of network.transit(this.index, to.index, hops).delaysUs) {
        const event: Event = options.encode
          ? { type: 'broadcast-received', broadcast: carryBroadcast(broadcast, true) }
          : shared
        this.#simulator.scheduleArrival(delayUs, this, to, event)
      }
    }
  }
}

/** Before every time: no timer is set. */
const never = -1
const tick: Event = { type: 'tick' }
