/**
 * The composition root: makes an agent out of its parts, in the order in which they need each other, and takes
 * it apart again. What it decides is in the core; what it does is in the performer.
 */
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { MemberId } from '../protocol/base/id.ts'
import type { StoreWrite } from '../protocol/effect.ts'
import { type Core, createCore } from '../protocol/index.ts'
import type { NodeBody } from '../protocol/placement/node-body.ts'
import { createBackend } from './agent-backend.ts'
import { createHandlers } from './agent-network.ts'
import { createRuntimes } from './agent-runtimes.ts'
import { type Api, createApi } from './api/server.ts'
import { Clock } from './clock.ts'
import {
  apiToken,
  clusterName,
  newClusterKey,
  readClusterKey,
  writeClusterKey,
} from './cluster-key.ts'
import { Driver } from './driver.ts'
import { AgentError, bugExitCode } from './errors.ts'
import { loadIdentity } from './identity.ts'
import { createLogger, logNotification } from './logger.ts'
import { Metrics } from './metrics.ts'
import { createNetwork } from './network/network.ts'
import { Notifications } from './notifications.ts'
import { Performer } from './perform.ts'
import { Recorder } from './recorder.ts'
import { CheckMonitor } from './runtime/health.ts'
import { PortTable } from './runtime/ports.ts'
import type { Settings } from './settings.ts'
import { openJournal } from './storage/journal.ts'

export const version = '0.1.0'
/** How often the machine's use is measured. */
const measureMs = 5000
/** A departure that takes longer is cut short. */
const leaveLimitMs = 30_000

export interface Agent {
  readonly self: MemberId
  readonly apiUrl: string
  readonly token: string | undefined
  /** Leaves the cluster as the settings say; resolves when everything is closed. */
  leave(): Promise<void>
  /** Resolves when the agent has stopped, for whatever reason. */
  readonly stopped: Promise<void>
}

/** Throws an AgentError for what a person can mend. */
export async function startAgent(settings: Settings): Promise<Agent> {
  await mkdir(settings.data, { recursive: true, mode: 0o700 }).catch((error) => {
    throw new AgentError(
      'data-unusable',
      `${settings.data} cannot be made: ${error.message}`,
      error,
    )
  })
  const logger = createLogger(settings)
  const journal = await openJournal(join(settings.data, 'journal'))
  const identity = await loadIdentity(settings.data)
  const { self } = identity
  const clusterKey = await findClusterKey(settings)
  const cluster = clusterName(clusterKey)
  const token = isLoopback(settings.api.host) ? undefined : apiToken(clusterKey)
  const entries: StoreWrite[] = []
  for await (const entry of journal.entries()) entries.push(entry)

  const clock = new Clock()
  const recorder = new Recorder()
  const notifications = new Notifications(() => clock.now())
  const stopped = Promise.withResolvers<void>()
  const onBug = (error: unknown): void => {
    logger.fatal({ err: error }, 'a bug of ours: the agent ends, its tasks go on')
    recorder.dump(join(settings.data, 'flight-records', `${clock.now()}.cbor`))
    process.exit(bugExitCode)
  }

  const state: { core?: Core; node?: NodeBody; api?: Api; isReady: boolean } = { isReady: false }
  const driver = new Driver({
    clock,
    perform: (effects) => performer.performAll(effects),
    onEvent: (event, now, bytes) => recorder.onEvent(event, now, bytes),
    onEffects: () => recorder.onStepped(),
    onBug,
  })
  const describe = (change: Partial<NodeBody>): void => {
    const node = { ...state.node!, ...change }
    if (JSON.stringify(node) === JSON.stringify(state.node)) return
    state.node = node
    driver.tell({ type: 'node-changed', node })
  }
  const runtimes = createRuntimes(
    settings,
    { self, cluster },
    {
      onExit: ({ allocation, task }, { exitCode, reason }) =>
        driver.tell({ type: 'task-exited', allocation, task, exitCode, reason }),
      onFound: (tasks) => driver.tell({ type: 'tasks-observed', tasks }),
      onKindsChanged: (kinds) => {
        if (state.core !== undefined) describe({ runtimes: kinds })
      },
    },
  )
  const network = createNetwork({
    privateKey: identity.privateKey,
    clusterKey,
    cluster,
    cell: 'main',
    listen: settings.listen,
    join: [...settings.join, ...knownAddresses(entries, self)],
    handlers: createHandlers(driver, {
      addressesOf: (member) => state.core?.view().addressesOf(member) ?? [],
      onStream: (stream) => state.api?.acceptStream(stream),
    }),
  })
  const host = advertisedHost(settings)
  const checks = new CheckMonitor({
    host,
    exec: (ref, command, timeoutMs) => runtimes.exec(ref, command, timeoutMs),
    onTurn: (turn) => driver.tell({ type: 'check-reported', ...turn }),
  })
  const ports = new PortTable(settings.ports === undefined ? {} : { range: settings.ports })
  const metrics = new Metrics({ driver, network, journal, view: () => state.core!.view(), version })
  const performer = new Performer({
    store: journal,
    network,
    runtimes,
    ports,
    checks,
    node: { name: settings.name, host },
    tell: (event) => driver.tell(event),
    reply: (request, reply) => driver.reply(request, reply),
    notify: (notification) => notifications.publish(notification),
    stopAgent: () => void close(),
    onSurprise: (error) => logger.error({ err: error }, 'unexpected'),
    onBug,
  })
  notifications.subscribe(({ notification }) => {
    logNotification(logger, notification)
    metrics.count(notification)
  })

  let timer: NodeJS.Timeout | undefined
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= (async () => {
      state.isReady = false
      clearInterval(timer)
      driver.stop()
      checks.close()
      await state.api?.close()
      await network.stop()
      await runtimes.close()
      await journal.close()
      recorder.close()
      stopped.resolve()
    })()
    return closing
  }

  try {
    const observed = await runtimes.open()
    for (const task of observed) if (task.running) ports.adopt(task.allocation, task.ports)
    await network.start()
    const { cpu, memory } = settings
    const node: NodeBody = {
      name: settings.name,
      addresses: network.addresses(),
      labels: settings.labels,
      capacity: await runtimes.capacity({ cpu, memory }),
      runtimes: runtimes.kinds(),
      host,
      version,
      awayUntil: null,
    }
    state.node = node
    const seed = randomBytes(4).readUInt32BE()
    const config = settings.protocol
    recorder.begin({ type: 'init', version: 1, config, self, seed, node }, entries, settings.record)
    const seal = recorder.watch(identity.seal)
    state.core = createCore({ config, self, seed, seal, journal: entries, node })
    const backend = createBackend(
      { self, version, token },
      { driver, runtimes, network, notifications, metrics, view: () => state.core!.view() },
      () => state.isReady,
    )
    state.api = createApi(backend, {
      onError: (error, request) => logger.error({ err: error, request }, 'the API failed'),
    })
    const address = await state.api.listen(settings.api.host, settings.api.port)
    driver.tell({ type: 'tasks-observed', tasks: observed })
    driver.start(state.core)
    state.isReady = true
    timer = setInterval(() => {
      runtimes.measure().then((used) => driver.tell({ type: 'resources-measured', used }), onBug)
      describe({ addresses: network.addresses() })
    }, measureMs)
    logger.info({ api: address.url, peers: network.addresses(), cluster }, 'the agent is up')
    return {
      self,
      apiUrl: address.url,
      token,
      stopped: stopped.promise,
      leave: () => {
        state.isReady = false
        driver.tell({ type: 'leave-requested', keepTasks: settings.onStop === 'keep' })
        setTimeout(() => void close(), leaveLimitMs).unref()
        return stopped.promise
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** A node that joins others needs their key; the first one makes it. */
async function findClusterKey(settings: Settings): Promise<Uint8Array> {
  const file = settings.key ?? join(settings.data, 'cluster.key')
  const key = await readClusterKey(file)
  if (key !== undefined) return key
  if (settings.key !== undefined)
    throw new AgentError(
      'key-missing',
      `--key: there is no file ${file}; \`starling init\` makes one`,
    )
  if (settings.join.length > 0)
    throw new AgentError('key-missing', '--join needs the key of that cluster: give it by --key')
  const made = newClusterKey()
  await writeClusterKey(file, made)
  return made
}

/** A restarted agent finds its cluster again without being told where. */
function knownAddresses(journal: readonly StoreWrite[], self: MemberId): string[] {
  const bodies = journal.flatMap(({ key, value }) => {
    if (!key.startsWith('record/node/') || key.startsWith(`record/node/${self}`)) return []
    return [(value as { body?: Partial<NodeBody> | null } | null)?.body]
  })
  return bodies.flatMap((body) => body?.addresses?.slice(0, 1) ?? []).slice(0, 20)
}

function advertisedHost({ advertise, listen }: Settings): string {
  if (advertise !== undefined) return advertise
  return listen.host === '0.0.0.0' || listen.host === '::' ? '127.0.0.1' : listen.host
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
