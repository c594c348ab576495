/**
 * One machine: an agent's core with its disk, its tasks and its clock. `perform` is the simulator's side of the
 * contract in protocol/effect.ts, as node/perform.ts is the agent's.
 */
import type { MemberId, RequestId } from '../protocol/base/id.ts'
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
import type { Condition } from './metrics/metrics.ts'
import { Performer, type World } from './perform.ts'
import type { Kind } from './queue.ts'
import { TaskRuntime } from './runtime.ts'
import { toySeal } from './seal.ts'
import type { Simulator } from './simulator.ts'
import { bytesOf, carry } from './wire.ts'

export interface HostInit {
  readonly index: number
  readonly random: Random
  /** The wall clock is off by so much, and both clocks drift. */
  readonly skewMs: number
  readonly driftPpm: number
  readonly capacity: Resources
  readonly labels: { readonly [key: string]: string }
  /** Of a member that was there before; left out, it is named after its index and has never run. */
  readonly identity?: HostIdentity | undefined
}

export interface HostIdentity {
  readonly id: MemberId
  /** As its record says it: it has nothing new to tell. */
  readonly node: NodeBody
  /** It has started so often: no dot and no incarnation of those lives is used again. */
  readonly starts: number
}

export class Host implements World {
  readonly index: number
  readonly id: MemberId
  readonly name: string
  readonly capacity: Resources
  readonly labels: HostInit['labels']
  readonly disk: Disk
  readonly runtime: TaskRuntime
  readonly clock: HostClock
  /** Counts the agent's starts; what was meant for an earlier life is dropped. */
  life = 0
  isUp = false
  /** The machine has no power. */
  isOff = false
  isDestroyed = false
  /** Told when the core asks the runtime to start something: the capacity checker. */
  onStart: ((host: Host) => void) | undefined
  readonly #simulator: Simulator
  readonly #random: Random
  readonly #performer: Performer
  readonly #identity: HostIdentity | undefined
  #core: Core | undefined
  #recorder: FlightRecorder | undefined
  #wanted = new Set<MemberId>()
  #replies = new Map<RequestId, (reply: Reply) => void>()
  #lastRequest = 0

  constructor(simulator: Simulator, init: HostInit) {
    this.#simulator = simulator
    this.#random = init.random
    this.index = init.index
    this.#identity = init.identity
    this.name = init.identity?.node.name ?? `n${init.index}`
    this.id = init.identity?.id ?? `member-${String(init.index).padStart(6, '0')}`
    this.capacity = init.capacity
    this.labels = init.labels
    const { skewMs, driftPpm, random } = init
    this.clock = new HostClock({ epochMs: simulator.epochMs, offsetUs: skewMs * 1000, driftPpm })
    this.disk = new Disk(random)
    this.runtime = new TaskRuntime(this, random)
    this.#performer = new Performer(this)
    this.runtime.onStart = () => this.onStart?.(this)
    const { metrics } = simulator
    this.runtime.onChange = (task, change) =>
      change === 1 ? metrics.taskStarted(task, simulator.nowUs) : metrics.taskEnded(task)
  }

  get core(): Core {
    return this.#core!
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
    this.#replies.get(request)?.(reply)
    this.#replies.delete(request)
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

  coreInit(journal: readonly StoreWrite[]): CoreInit {
    const { config, shared, pulses, options } = this.#simulator
    const pulse = { table: pulses, row: this.index }
    return {
      config,
      self: this.id,
      seed: this.#random.uint32(),
      seal: toySeal(this.id),
      journal,
      node: this.node,
      isPlain: options.isPlain ?? false,
      membership: { pulse, ...(shared && { presence: () => shared.circles.view() }) },
      ...(shared && { maps: shared.maps }),
    }
  }

  /** Starts the agent, with what the disk kept (or with what `like` knows), and dials `seeds`. */
  start(seeds: readonly Host[], like?: Core): void {
    this.life++
    this.isUp = true
    this.isOff = false
    this.#simulator.gossip.onStarted(this)
    this.#simulator.dht.table.forget(this.index)
    this.#traffic.disarmWake(this.index)
    this.#wanted = new Set()
    this.#simulator.metrics.started(this.index, this.#simulator.nowUs)
    this.#core = createCore(this.#initOfLife(like))
    this.receive(tick)
    this.receive({ type: 'tasks-observed', tasks: this.runtime.observe() })
    for (const seed of seeds) if (seed !== this) this.#simulator.links.dial(this, seed)
  }

  #initOfLife(like: Core | undefined): CoreInit {
    this.#recorder = this.#simulator.recorders.get(this.index)
    const init = {
      ...this.coreInit(like ? this.#earlierLives() : this.disk.journal()),
      ...(like && { like }),
    }
    return this.#recorder?.begin(init) ?? init
  }

  #earlierLives(): StoreWrite[] {
    const { starts = 0 } = this.#identity ?? {}
    return starts === 0 ? [] : [epochWrite(starts)]
  }

  /** `kill -9` of the agent: tasks go on, sockets are reset, what was not durable is lost. */
  killAgent(): void {
    if (!this.isUp) return
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
    this.isUp = false
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

  wants(other: Host): boolean {
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

  /** From the network. */
  arrive(event: Event): void {
    this.receive(event)
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
    const { byId, links, gossip } = this.#simulator
    gossip.setMesh(this, mesh)
    const others: Host[] = []
    for (const id of members) {
      const other = byId.get(id)
      if (other !== undefined) others.push(other)
    }
    links.keep(this, others)
  }

  notify(notification: Notification): void {
    this.#simulator.record(this.index, `notify ${notification.type}`)
    if (notification.type !== 'member-changed' || notification.update.state !== 'down') return
    const { byId, metrics, network, nowUs } = this.#simulator
    const subject = byId.get(notification.update.member)?.index
    if (subject === undefined) return
    metrics.noticedDown(this.index, subject, network.connects(this.index, subject), nowUs)
  }

  send(member: MemberId, sent: Message): void {
    const { byId, links, metrics, network, options } = this.#simulator
    const to = byId.get(member)
    if (to === undefined) return
    const message = carry(sent, options.encode ?? false)
    const bytes = network.looksAtBytes ? bytesOf(sent) : 0
    if (!network.looksAtBytes && metrics.isToWeigh()) metrics.weigh(sent)
    links.send(this, to, { type: 'message-received', from: this.id, message }, bytes)
    this.#traffic.note(this, to, sent)
  }

  publish(broadcast: Broadcast): void {
    this.#traffic.countBroadcast(this.index)
    this.#simulator.gossip.publish(this, broadcast)
  }
}

const tick: Event = { type: 'tick' }

/** What a simulated machine says of itself. */
export function simulatedNode({
  name,
  labels,
  capacity,
}: Pick<NodeBody, 'name' | 'labels' | 'capacity'>): NodeBody {
  const said = { addresses: [], host: '127.0.0.1', version: 'sim', awayUntil: null }
  return { ...said, name, labels, capacity, runtimes: ['process'] }
}
