/**
 * An agent: puts the parts together, starts them in order and stops them in the reverse one. Nothing is said to
 * anyone before the data folder is locked and the core's new epoch is durable.
 */
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import type { MemberId } from '../protocol/base/id.ts'
import { decodeBroadcast, decodeMessage } from '../protocol/codec.ts'
import { type Core, createCore } from '../protocol/core.ts'
import type { ObservedTask } from '../protocol/event.ts'
import type { NodeBody } from '../protocol/placement/node-body.ts'
import type { Resources } from '../protocol/placement/resources.ts'
import type { ClusterView } from '../protocol/view.ts'
import { createBackend } from './agent-backend.ts'
import { isLoopback } from './api/auth.ts'
import { nodeName } from './api/find.ts'
import { type Api, createApi } from './api/server.ts'
import { Clock } from './clock.ts'
import { apiToken, clusterName } from './cluster-key.ts'
import { type DataFolder, openDataFolder, rememberedAddresses } from './data-folder.ts'
import { Driver } from './driver.ts'
import { AgentError } from './errors.ts'
import { type Logger, logNotification } from './logger.ts'
import { Metrics } from './metrics.ts'
import { createNetwork, type Network, type NetworkHandlers } from './network/network.ts'
import { announced, describeNode, hostOf, longestGraceMs } from './node-description.ts'
import { Notifications } from './notifications.ts'
import { Performer } from './perform.ts'
import { Recorder } from './recorder.ts'
import { createDockerRuntime } from './runtime/docker.ts'
import { CheckMonitor } from './runtime/health.ts'
import { PortTable } from './runtime/ports.ts'
import { createProcessRuntime } from './runtime/process.ts'
import type { ExitListener, Runtime } from './runtime/runtime.ts'
import { Runtimes } from './runtime/runtimes.ts'
import type { Settings } from './settings.ts'

export interface AgentInit {
  readonly settings: Settings
  readonly logger: Logger
  /** After the flight record is written; the process must end. */
  readonly onBug: (error: unknown, record: string) => void
}

const measureIntervalMs = 5000

export async function startAgent(init: AgentInit): Promise<Agent> {
  const folder = await openDataFolder(init.settings)
  const agent = new Agent(init, folder)
  try {
    await agent.start()
    return agent
  } catch (error) {
    await agent.close()
    throw error
  }
}

export class Agent {
  readonly self: MemberId
  readonly cluster: string
  /** Resolves when the agent has left and everything is closed. */
  readonly stopped: Promise<void>
  readonly #init: AgentInit
  readonly #folder: DataFolder
  readonly #token: string | undefined
  readonly #clock = new Clock()
  readonly #recorder = new Recorder()
  readonly #notifications = new Notifications(() => this.#clock.now())
  readonly #ports: PortTable
  readonly #driver: Driver
  readonly #network: Network
  readonly #runtimes: Runtimes
  readonly #checks: CheckMonitor
  readonly #metrics: Metrics
  readonly #resolveStopped: () => void
  #capacity: Resources = { cpu: 0, memory: 0, disk: 0, gpu: 0 }
  #node: NodeBody | undefined
  #core: Core | undefined
  #api: Api | undefined
  #apiUrl = ''
  #measureTimer: NodeJS.Timeout | undefined
  #isReady = false
  #isLeaving = false
  #closing: Promise<void> | undefined

  constructor(init: AgentInit, folder: DataFolder) {
    const { settings } = init
    const { promise, resolve } = Promise.withResolvers<void>()
    this.stopped = promise
    this.#resolveStopped = resolve
    this.#init = init
    this.#folder = folder
    this.self = folder.identity.self
    this.cluster = clusterName(folder.clusterKey)
    this.#token = isLoopback(settings.api.host) ? undefined : apiToken(folder.clusterKey)
    this.#ports = new PortTable(settings.ports ? { range: settings.ports } : {})
    this.#runtimes = this.#createRuntimes()
    this.#checks = this.#createChecks()
    this.#network = this.#createNetwork()
    this.#driver = this.#createDriver()
    this.#metrics = new Metrics({
      driver: this.#driver,
      network: this.#network,
      journal: folder.journal,
      view: () => this.#view(),
    })
    this.#notifications.subscribe(({ notification }) => {
      this.#metrics.count(notification)
      logNotification(init.logger, notification, {
        self: this.self,
        nameOf: (member) => nodeName(this.#view(), member),
      })
    })
  }

  get apiUrl(): string {
    return this.#apiUrl
  }

  get peerAddresses(): string[] {
    return this.#network.addresses()
  }

  async start(): Promise<void> {
    const { settings, logger } = this.#init
    const [tasks] = await Promise.all([this.#runtimes.open(), this.#listen()])
    this.#capacity = await this.#runtimes.capacity(settings)
    this.#core = this.#createCore()
    await this.#serve()
    this.#driver.start(this.#core)
    this.#adopt(tasks)
    this.#measureTimer = setInterval(() => void this.#measure(), measureIntervalMs)
    void this.#measure()
    const { self, cluster, apiUrl: api, peerAddresses: peers } = this
    const runtimes = this.#runtimes.kinds()
    logger.info({ api, peers, cluster, id: self, runtimes, data: settings.data }, 'agent is up')
    this.#reportTroubles()
  }

  #reportTroubles(): void {
    for (const trouble of this.#runtimes.troubles()) this.#init.logger.warn(trouble)
  }

  /** Ends the tasks, or keeps them, tells everyone, then closes. Answers how long the tasks may take. */
  leave(): number {
    this.#isLeaving = true
    const keepTasks = this.#init.settings.onStop === 'keep'
    this.#driver.tell({ type: 'leave-requested', keepTasks })
    return keepTasks ? 0 : longestGraceMs(this.#view())
  }

  /** Everyone knows that it leaves, and what it ran has ended or is kept. */
  async #depart(): Promise<void> {
    if (this.#init.settings.onStop === 'stop') await this.#runtimes.leave()
    await this.close()
  }

  /** Without a word to the others. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Ends what must not go on after a bug, and says where the flight record is. */
  crash(error: unknown): void {
    this.#driver.stop()
    const time = new Date().toISOString().replaceAll(':', '-')
    const file = join(this.#init.settings.data, 'flight', `${time}.record`)
    try {
      this.#recorder.close()
      this.#recorder.dump(file)
    } finally {
      this.#init.onBug(error, file)
    }
  }

  async #close(): Promise<void> {
    this.#isLeaving = true
    clearInterval(this.#measureTimer)
    await this.#api?.close()
    this.#driver.stop()
    this.#checks.close()
    await this.#network.stop()
    await this.#runtimes.close()
    await this.#folder.journal.close()
    this.#recorder.close()
    this.#resolveStopped()
  }

  #createRuntimes(): Runtimes {
    const { runtime, data: dataDir, advertise } = this.#init.settings
    const nodeId = this.self
    const onExit: ExitListener = (ref, exit) =>
      this.#driver.tell({ type: 'task-exited', ...ref, ...exit })
    const hostIp = advertise === undefined ? hostOf(this.#init.settings) : '0.0.0.0'
    const host = process.env.DOCKER_HOST
    const engine = { nodeId, cluster: this.cluster, onExit, hostIp, host }
    const runtimes: Runtime[] = []
    if (runtime !== 'docker') runtimes.push(createProcessRuntime({ dataDir, nodeId, onExit }))
    if (runtime !== 'process') runtimes.push(createDockerRuntime(engine))
    return new Runtimes({
      runtimes,
      required: runtime === 'auto' ? [] : [runtime],
      dataDir,
      onKindsChanged: (kinds) => {
        this.#init.logger.info({ runtimes: kinds }, 'runtimes have changed')
        this.#reportTroubles()
        this.#describe()
      },
      onFound: (tasks) => this.#adopt(tasks),
    })
  }

  #createChecks(): CheckMonitor {
    const { settings } = this.#init
    return new CheckMonitor({
      exec: (ref, command, timeoutMs) => this.#runtimes.exec(ref, command, timeoutMs),
      onTurn: (turn) => this.#driver.tell({ type: 'check-reported', ...turn }),
      // An advertised address may be another machine's, which forwards to this one.
      host: settings.advertise === undefined ? hostOf(settings) : '127.0.0.1',
    })
  }

  #createNetwork(): Network {
    const { settings } = this.#init
    const { clusterKey, entries, identity } = this.#folder
    return createNetwork({
      privateKey: identity.privateKey,
      clusterKey,
      cluster: this.cluster,
      cell: 'main',
      listen: settings.listen,
      announce: announced(settings),
      join: [...settings.join, ...rememberedAddresses(entries, this.self)],
      handlers: this.#handlers(),
    })
  }

  #handlers(): NetworkHandlers {
    return {
      onMessage: (from, bytes) => {
        const decoded = decodeMessage(bytes)
        if (decoded.ok) {
          const event = { type: 'message-received', from, message: decoded.value } as const
          this.#driver.receive(event, bytes.length)
        } else this.#refuse(from, decoded)
      },
      onGossip: (bytes) => {
        const decoded = decodeBroadcast(bytes)
        if (decoded.ok) {
          const event = { type: 'broadcast-received', broadcast: decoded.value } as const
          this.#driver.receive(event, bytes.length)
        } else this.#refuse('gossip', decoded)
      },
      onLinkOpened: (member) => this.#driver.tell({ type: 'link-opened', member }),
      onLinkClosed: (member) => this.#driver.tell({ type: 'link-closed', member }),
      onStream: (_from, stream) => {
        if (this.#api === undefined) stream.destroy()
        else this.#api.acceptStream(stream)
      },
      addressesOf: (member) => this.#core?.view().addressesOf(member) ?? [],
    }
  }

  #refuse(from: MemberId, refusal: Extract<ReturnType<typeof decodeMessage>, { ok: false }>): void {
    const { reason, detail } = refusal
    this.#driver.receive({ type: 'message-refused', from, reason, detail }, 0)
  }

  #createDriver(): Driver {
    const performer = new Performer({
      store: this.#folder.journal,
      network: this.#network,
      runtimes: this.#runtimes,
      ports: this.#ports,
      checks: this.#checks,
      node: { name: this.#init.settings.name, host: hostOf(this.#init.settings) },
      tell: (event) => this.#driver.tell(event),
      reply: (request, reply) => this.#driver.reply(request, reply),
      notify: (notification) => this.#notifications.publish(notification),
      stopAgent: () => void this.#depart(),
      onSurprise: (error) => this.#init.logger.error({ err: error }, 'an adapter failed'),
      onBug: (error) => this.crash(error),
    })
    return new Driver({
      clock: this.#clock,
      perform: (effects) => performer.performAll(effects),
      onEvent: (event, now, bytes) => {
        this.#recorder.onEvent(event, now, bytes)
        // The first thing that is ever persisted is the epoch; with it the core begins.
        if (event.type === 'persisted') this.#isReady = true
      },
      onEffects: (effects) => this.#recorder.onStepped(effects),
      onBug: (error) => this.crash(error),
    })
  }

  async #listen(): Promise<void> {
    const { host, port } = this.#init.settings.listen
    try {
      await this.#network.start()
    } catch (error) {
      throw listenFailure(error, '--listen', `${host}:${port}`)
    }
  }

  #createCore(): Core {
    const { settings } = this.#init
    const { entries, identity } = this.#folder
    const seed = randomInt(2 ** 32)
    const config = settings.protocol
    this.#node = this.#currentNode()
    const init = { config, self: this.self, seed, node: this.#node, news: 'all' } as const
    this.#recorder.begin(init, entries, settings.record)
    return createCore({ ...init, seal: this.#recorder.watch(identity.seal), journal: entries })
  }

  async #serve(): Promise<void> {
    const { settings, logger } = this.#init
    const backend = createBackend({
      self: this.self,
      token: this.#token,
      config: settings.protocol,
      driver: this.#driver,
      network: this.#network,
      runtimes: this.#runtimes,
      notifications: this.#notifications,
      metrics: this.#metrics,
      view: () => this.#view(),
      ready: () => this.#isReady && !this.#isLeaving,
    })
    this.#api = createApi(backend, {
      onError: (error, request) => logger.error({ err: error, request }, 'a request failed'),
    })
    this.#apiUrl = (await this.#api.listen(settings.api.host, settings.api.port)).url
  }

  #view(): ClusterView {
    return this.#core!.view()
  }

  #adopt(tasks: readonly ObservedTask[]): void {
    for (const { allocation, ports, running } of tasks)
      if (running) this.#ports.adopt(allocation, ports)
    const unanswered = this.#runtimes.unanswered()
    this.#driver.tell({ type: 'tasks-observed', tasks, unanswered })
  }

  async #measure(): Promise<void> {
    try {
      const used = await this.#runtimes.measure()
      this.#driver.tell({ type: 'resources-measured', used })
      this.#describe()
    } catch (error) {
      this.#init.logger.warn({ err: error }, 'the machine could not be measured')
    }
  }

  #currentNode(): NodeBody {
    return describeNode(this.#init.settings, {
      addresses: this.#network.addresses(),
      capacity: this.#capacity,
      runtimes: this.#runtimes.kinds(),
      troubles: this.#runtimes.troubles(),
    })
  }

  /** Tells the core where what the node says of itself has changed. */
  #describe(): void {
    const node = this.#currentNode()
    if (this.#core === undefined || JSON.stringify(node) === JSON.stringify(this.#node)) return
    this.#node = node
    this.#driver.tell({ type: 'node-changed', node })
  }
}

/** libp2p wraps what the system said. */
function listenFailure(error: unknown, flag: string, address: string): unknown {
  const text = textOf(error)
  if (text.includes('EADDRINUSE'))
    return new AgentError(
      'address-in-use',
      `something listens on ${address} already; name another address with ${flag}`,
      error,
    )
  if (/EADDRNOTAVAIL|EACCES|ENOTFOUND|could not listen|No valid addresses/i.test(text))
    return new AgentError(
      'address-unusable',
      `this machine cannot listen on ${address}; name another address with ${flag}`,
      error,
    )
  return error
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const { code, errors = [], cause } = error as Error & { code?: string; errors?: unknown[] }
  return [code, error.message, ...errors.map(textOf), textOf(cause)].join(' ')
}
