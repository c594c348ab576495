/**
 * One machine: an agent's core with its disk, its tasks and its clock. `perform` is the simulator's side of the
 * contract in protocol/effect.ts, as node/perform.ts is the agent's.
 */
import type { MemberId, RequestId } from '../protocol/base/id.ts'
import { invariant } from '../protocol/base/invariant.ts'
import type { Random } from '../protocol/base/random.ts'
import type { Core, CoreInit } from '../protocol/core.ts'
import { createCore } from '../protocol/core.ts'
import type { Notification, StoreWrite } from '../protocol/effect.ts'
import { epochWrite } from '../protocol/epoch.ts'
import type { Event } from '../protocol/event.ts'
import type { GossipMesh } from '../protocol/membership/gossip-mesh.ts'
import type { Broadcast, Message } from '../protocol/message.ts'
import type { NodeBody } from '../protocol/placement/node-body.ts'
import type { Resources } from '../protocol/placement/resources.ts'
import type { Command, Reply } from '../protocol/request.ts'
import type { CalmTraffic } from './calm-traffic.ts'
import { HostClock } from './clock.ts'
import { Disk } from './disk.ts'
import type { FlightRecorder } from './flight-recorder.ts'
import { type HostIdentity, type HostInit, idOf, simulatedNode } from './host-init.ts'
import { hostState } from './host-states.ts'
import { type Knowledge, warmIncarnation } from './knowledge.ts'
import type { Condition } from './metrics/metrics.ts'
import { Performer, type World } from './perform.ts'
import type { Kind } from './queue.ts'
import { TaskRuntime } from './runtime.ts'
import { toySeal } from './seal.ts'
import { type Settled, type Sleep, settle } from './settling.ts'
import { partsOf, type Shared } from './shared-presence.ts'
import type { Simulator } from './simulator.ts'
import { bytesOf, carry } from './wire.ts'

export class Host implements World {
  readonly index: number
  readonly id: MemberId
  readonly capacity: Resources
  readonly labels: HostInit['labels']
  readonly clock: HostClock
  /** Counts the agent's starts; what was meant for an earlier life is dropped. */
  life = 0
  /** The machine has no power. */
  isOff = false
  isDestroyed = false
  /** With other cores; undefined where each has its own maps. */
  shared: Shared | undefined
  /** Told when the core asks the runtime to start something: the capacity checker. */
  onStart: ((host: Host) => void) | undefined
  readonly #simulator: Simulator
  readonly #random: Random
  readonly #performer: Performer
  readonly #identity: HostIdentity | undefined
  #core: Core | undefined
  #sleep: Sleep | undefined
  /** A million sleep, so what a sleeper does not need is made when it is. */
  #disk: Disk | undefined
  #runtime: TaskRuntime | undefined
  #recorder: FlightRecorder | undefined
  #wanted: ReadonlySet<MemberId> = nobody
  #replies: Map<RequestId, (reply: Reply) => void> | undefined
  #lastRequest = 0

  constructor(simulator: Simulator, init: HostInit) {
    this.#simulator = simulator
    this.#random = init.random
    this.index = init.index
    this.#identity = init.identity
    this.id = idOf(init)
    this.shared = simulator.shared
    this.capacity = init.capacity
    this.labels = init.labels
    const { skewMs, driftPpm } = init
    this.clock = new HostClock({ epochMs: simulator.epochMs, offsetUs: skewMs * 1000, driftPpm })
    this.#performer = new Performer(this)
    this.#become('down')
  }

  get name(): string {
    return this.#identity?.node.name ?? `n${this.index}`
  }

  /** Of one that is asleep it is made now. */
  get core(): Core {
    return this.#core ?? this.#awaken()
  }

  get isUp(): boolean {
    return this.#simulator.states.isUp(this.index)
  }

  get isAsleep(): boolean {
    return this.#simulator.states.isAsleep(this.index)
  }

  get disk(): Disk {
    this.wakeUp()
    this.#disk ??= new Disk(this.#random)
    return this.#disk
  }

  get runtime(): TaskRuntime {
    this.#runtime ??= this.#makeRuntime()
    return this.#runtime
  }

  #makeRuntime(): TaskRuntime {
    const runtime = new TaskRuntime(this, this.#random)
    const simulator = this.#simulator
    const { metrics } = simulator
    runtime.onStart = () => this.onStart?.(this)
    runtime.onChange = (task, change) =>
      change === 1 ? metrics.taskStarted(task, simulator.nowUs) : metrics.taskEnded(task)
    return runtime
  }

  get nowUs(): number {
    return this.#simulator.nowUs
  }

  /** Events that its core has taken, and broadcasts that it has begun. */
  get counts(): { readonly steps: number; readonly broadcasts: number } {
    return this.#traffic.countsOf(this.index)
  }

  get #traffic(): CalmTraffic {
    return this.#simulator.traffic
  }

  /** In the machine's time, whatever becomes of the agent. */
  after(delayUs: number, run: () => void, kind: Kind = 'task'): void {
    const place = { destination: this.index, source: this.index }
    this.#simulator.schedule(delayUs, kind, place, run)
  }

  reply(request: RequestId, reply: Reply): void {
    this.#replies?.get(request)?.(reply)
    this.#replies?.delete(request)
  }

  /** It has said goodbye: no death that others have to find out. */
  stopAgent(): void {
    if (!this.isUp) return
    this.#simulator.metrics.mark(this.index, 'agent down', this.nowUs)
    this.#endAgent()
  }

  provide(service: string): void {
    this.#simulator.dht.provide(this, service)
  }

  withdraw(service: string): void {
    this.#simulator.dht.withdraw(this, service)
  }

  /** False when the agent of that life is gone. */
  tell(life: number, event: Event): boolean {
    const isThere = this.isUp && this.life === life
    if (isThere) this.receive(event)
    return isThere
  }

  get node(): NodeBody {
    if (this.#identity !== undefined) return this.#identity.node
    return simulatedNode(this)
  }

  /** Of a core as it would have, which runs nowhere: without its row. */
  coreInit(journal: readonly StoreWrite[], seed = this.#random.uint32()): CoreInit {
    const { config, options } = this.#simulator
    return {
      config,
      self: this.id,
      seed,
      seal: toySeal(this.id),
      journal,
      node: this.node,
      isPlain: options.isPlain ?? false,
      ...partsOf(this.shared),
    }
  }

  /** `like`: it knows what that one knows, and not what the disk holds. */
  #ownInit(like: Core | undefined, seed?: number): CoreInit {
    const init = this.coreInit(like ? this.#earlierLives() : this.disk.journal(), seed)
    const { pulses: table, deaths: deathBoard } = this.#simulator
    const membership = { ...init.membership, pulse: { table, row: this.index } }
    return { ...init, membership, deathBoard, ...(like && { like }) }
  }

  /** Starts the agent, with what the disk kept (or with what `like` knows), and dials `seeds`. */
  start(seeds: readonly Host[], like?: Core): void {
    this.life++
    this.#become('up')
    this.isOff = false
    this.#simulator.gossip.onStarted(this)
    this.#simulator.dht.table.forget(this.index)
    this.#traffic.disarmWake(this.index)
    this.#wanted = nobody
    this.#simulator.metrics.started(this.index, this.#simulator.nowUs)
    this.#core = createCore(this.#initOfLife(like))
    this.receive(tick)
    this.receive({ type: 'tasks-observed', tasks: this.runtime.observe() })
    for (const seed of seeds) if (seed !== this) this.#simulator.links.dial(this, seed)
  }

  /** Its agent has run for a while, calmly; what it has become is told, and let go. */
  fallAsleep(knowledge: Knowledge): Settled {
    this.life++
    this.#become('asleep')
    this.#simulator.metrics.started(this.index, this.nowUs)
    this.#sleep = { knowledge, seed: this.#random.uint32(), sinceMs: this.#localNowMs() }
    const settled = this.#settled(this.#sleep)
    this.#simulator.pulses.letGo(this.index)
    this.#traffic.armCalmWake(this.index)
    return settled
  }

  #settled({ knowledge, seed, sinceMs }: Sleep): Settled {
    return settle(this.#ownInit(knowledge.template, seed), warmIncarnation, sinceMs)
  }

  /** Whatever touches more of it than its row comes here first. */
  wakeUp(): void {
    if (this.#sleep !== undefined) this.#awaken()
  }

  /** Its core is made, as it would be now if it had been there. */
  #awaken(): Core {
    const sleep = this.#sleep
    invariant(sleep !== undefined, 'an agent that runs has a core')
    this.#sleep = undefined
    this.#become('up')
    const { pulses, gossip, links } = this.#simulator
    const settled = pulses.keeping(this.index, () => this.#settled(sleep))
    const { core, neighbours, mesh, writes } = settled
    this.#core = core
    this.disk.restore(sleep.knowledge.base)
    this.disk.hold(writes)
    this.#wanted = new Set(neighbours)
    gossip.onStarted(this)
    gossip.setMesh(this, mesh)
    links.remember(this, this.#simulator.hostsOf(neighbours))
    return core
  }

  #initOfLife(like: Core | undefined): CoreInit {
    this.#recorder = this.#simulator.recorders.get(this.index)
    const init = this.#ownInit(like)
    return this.#recorder?.begin(init) ?? init
  }

  #earlierLives(): StoreWrite[] {
    const { starts = 0 } = this.#identity ?? {}
    return starts === 0 ? [] : [epochWrite(starts)]
  }

  /** `kill -9` of the agent: tasks go on, sockets are reset, what was not durable is lost. */
  killAgent(): void {
    if (!this.isUp) return
    this.wakeUp()
    this.#endAgent()
    this.#died('agent down')
  }

  #endAgent(): void {
    this.#end()
    this.disk.crash('kill', this.nowUs)
    this.#simulator.record(this.index, 'killed')
    this.#simulator.links.reset(this)
    this.#simulator.links.dialler.clear(this)
  }

  /** Power off: the tasks end too, and nobody is told. */
  powerOff(): void {
    if (!this.isUp) return
    this.wakeUp()
    this.#end()
    this.isOff = true
    this.disk.crash('powerOff', this.nowUs)
    this.runtime.clear()
    this.#died('off')
    this.#simulator.record(this.index, 'power off')
    this.#simulator.links.silenceAll(this)
    this.#simulator.links.dialler.clear(this)
  }

  #end(): void {
    this.#become('down')
    this.#core = undefined
    this.#simulator.pulses.end(this.index)
  }

  #died(condition: Condition): void {
    const { metrics, hosts, nowUs } = this.#simulator
    let others = 0
    for (const host of hosts) if (host.isUp) others++
    metrics.died(this.index, others, nowUs)
    metrics.mark(this.index, condition, nowUs)
  }

  #become(state: keyof typeof hostState): void {
    this.#simulator.states.set(this.index, hostState[state])
  }

  wants(other: Host): boolean {
    this.wakeUp()
    return this.isUp && (this.#wanted.has(other.id) || this.#wanted.size === 0)
  }

  /** Somebody sets the wall clock. */
  jumpClock(byUs: number): void {
    this.clock.jump(byUs, this.nowUs)
    this.#traffic.noteClock(this)
  }

  /** Asks the agent as a client would. */
  request(command: Command, onReply: (reply: Reply) => void): void {
    this.#lastRequest++
    this.#replies ??= new Map()
    this.#replies.set(this.#lastRequest, onReply)
    this.receive({ type: 'request-received', request: this.#lastRequest, command })
  }

  receive(event: Event): void {
    if (!this.isUp) return
    this.#traffic.countStep(this.index)
    const { effectLists } = this.#simulator
    const effects = effectLists.pop() ?? []
    const now = this.#localNowMs()
    this.#simulator.stepping = this
    this.#recorder?.onEvent(event, now)
    this.core.stepInto(event, now, effects)
    this.#recorder?.onStepped(effects)
    this.#simulator.stepping = undefined
    this.#simulator.recordStep(this.index, event)
    this.#performer.performAll(effects)
    effects.length = 0
    effectLists.push(effects)
    this.#armWake()
  }

  /** The timer fired. Meanwhile the deadline may have moved: then it is set again, and nothing is stepped. */
  wake(): void {
    if (!this.isUp) return
    this.#traffic.disarmWake(this.index)
    const deadline = this.core.deadline()
    if (deadline !== undefined && deadline <= this.#localNowMs()) this.receive(tick)
    else this.#armWake()
  }

  #localNowMs(): number {
    return this.clock.nowMs(this.nowUs)
  }

  #armWake(): void {
    const deadline = this.#core?.deadline()
    if (deadline !== undefined)
      this.#traffic.armWake(this.index, this.clock.timerAtUs(deadline, this.nowUs))
  }

  keepLinks(members: readonly MemberId[], mesh: GossipMesh): void {
    this.#wanted = new Set(members)
    this.#simulator.gossip.setMesh(this, mesh)
    this.#simulator.links.keep(this, this.#simulator.hostsOf(members))
  }

  notify(notification: Notification): void {
    this.#simulator.notify(this.index, notification)
  }

  send(member: MemberId, sent: Message): void {
    const { byId, links, metrics, network, options } = this.#simulator
    const to = byId.get(member)
    if (to === undefined) return
    const message = carry(sent, options.encode ?? false)
    const bytes = network.looksAtBytes ? bytesOf(sent) : 0
    if (!network.looksAtBytes && metrics.isToWeigh()) metrics.weigh(bytesOf(sent))
    links.send(this, to, { type: 'message-received', from: this.id, message }, bytes)
    this.#traffic.note(this, to, sent)
  }

  /** To the neighbour with the slot of its row. */
  sendTo(slot: number, message: Message): void {
    this.wakeUp()
    this.send(this.#simulator.pulses.memberAt(this.index, slot), message)
  }

  publish(broadcast: Broadcast): void {
    this.#traffic.countBroadcast(this.index)
    this.#simulator.gossip.publish(this, broadcast)
  }
}

const tick: Event = { type: 'tick' }
const nobody: ReadonlySet<MemberId> = new Set()
