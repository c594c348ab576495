/**
 * Runs tasks as containers of a Docker engine that this node shares with others: other agents of the same
 * machine, and people. Ours are known by their labels (labels.ts).
 *
 * The truth about a container is what `inspect` says. An event, a new connection, and the end of a stop all
 * only cause a question, so late, doubled and missed events do no harm. The engine may come and go: what runs
 * is asked again once it is back, and until then nothing is told about it.
 *
 * A task that is started again is its old container started again: it keeps its logs and its files, as with
 * Docker's own restarts.
 */
import type Docker from 'dockerode'
import type { AllocationId } from '../../protocol/base/id.ts'
import type { ObservedTask } from '../../protocol/event.ts'
import { type ContainerSettings, containerOptions } from './docker-container.ts'
import {
  ask,
  connectDocker,
  type EngineAddress,
  inspect,
  inspectEnding,
  isRunningState,
  listOurs,
  removeContainer,
  whyNoAnswer,
} from './docker-engine.ts'
import { EngineEvents } from './docker-events.ts'
import { executeInside } from './docker-exec.ts'
import { statusOf } from './docker-failure.ts'
import { ImagePuller } from './docker-image.ts'
import { readContainerLogs } from './docker-logs.ts'
import { processOf } from './docker-process.ts'
import { readUsage } from './docker-usage.ts'
import { describeExit, wasNotRunning } from './exit.ts'
import { containerName, readLabels } from './labels.ts'
import { isRunning, type ProcessIdentity } from './process-identity.ts'
import {
  type ExitListener,
  type LogOptions,
  type Runtime,
  RuntimeFailure,
  type TaskExit,
  type TaskRef,
  type TaskStart,
  type TaskStarted,
  type TaskStats,
} from './runtime.ts'

export interface DockerRuntimeOptions extends EngineAddress {
  readonly nodeId: string
  readonly cluster: string
  readonly onExit: ExitListener
  /** The host's address at which ports are published. @default '127.0.0.1' */
  readonly hostIp?: string
  /** Of one log file. @default 10 MiB */
  readonly logBytesMax?: number
  /** Files that are kept of each container. @default 3 */
  readonly logFiles?: number
}

/** A container that runs, or did, as far as this life of the agent knows. */
interface KnownContainer {
  readonly ref: TaskRef
  readonly id: string
  /** Of its first process, where the engine is one of this machine. */
  readonly process: ProcessIdentity | undefined
  readonly ports: { readonly [name: string]: number }
  /** Undefined while it runs. */
  exit: TaskExit | undefined
}

interface Starting {
  readonly started: Promise<TaskStarted>
  readonly cancel: AbortController
  /** Its end was heard before the answer that it runs. */
  wasHeardToEnd: boolean
}

const bytesPerMib = 1024 * 1024
/** For the engine to kill what did not end by itself. */
const stopMarginMs = 30_000

export function createDockerRuntime(options: DockerRuntimeOptions): Runtime {
  return new Containers(options)
}

class Containers implements Runtime {
  readonly kind = 'docker'
  readonly #docker: Docker
  readonly #settings: ContainerSettings
  readonly #onExit: ExitListener
  readonly #images: ImagePuller
  readonly #events: EngineEvents
  readonly #known = new Map<string, KnownContainer>()
  readonly #starting = new Map<string, Starting>()
  #trouble: string | undefined
  #isClosed = false

  constructor(options: DockerRuntimeOptions) {
    this.#docker = connectDocker(options)
    this.#onExit = options.onExit
    this.#settings = {
      cluster: options.cluster,
      node: options.nodeId,
      hostIp: options.hostIp ?? '127.0.0.1',
      logBytesMax: options.logBytesMax ?? 10 * bytesPerMib,
      logFiles: Math.max(1, options.logFiles ?? 3),
    }
    this.#images = new ImagePuller(this.#docker)
    this.#events = new EngineEvents({
      docker: this.#docker,
      node: options.nodeId,
      onEnded: (id, task) => this.#heardEnd(id, task),
      onConnected: () => void this.#askAll().catch(() => undefined),
    })
  }

  async available(): Promise<boolean> {
    this.#trouble = await whyNoAnswer(this.#docker)
    const isThere = this.#trouble === undefined
    if (!isThere) this.#concludeGone()
    else if (!this.#isClosed) this.#events.connect()
    return isThere
  }

  /** An engine that is stopped takes its containers along, and may not come back to tell. */
  #concludeGone(): void {
    for (const known of this.#known.values())
      if (known.exit === undefined && known.process !== undefined && !isRunning(known.process))
        this.#conclude(known, { exitCode: null, reason: 'ended while the engine was away' })
  }

  trouble(): string | undefined {
    return this.#trouble
  }

  async start(task: TaskStart): Promise<TaskStarted> {
    const key = keyOf(task)
    const underWay = this.#starting.get(key)
    if (underWay) return await underWay.started
    const cancel = new AbortController()
    const started = this.#start(task, cancel.signal).finally(() => this.#starting.delete(key))
    this.#starting.set(key, { started, cancel, wasHeardToEnd: false })
    return await started
  }

  async #start(task: TaskStart, signal: AbortSignal): Promise<TaskStarted> {
    this.#events.connect()
    const known = this.#known.get(keyOf(task))
    // Somebody else may have removed it.
    const found = known && (await inspect(this.#docker, known.id))
    if (found?.State.Running) return this.#remember(task, found)
    const id = found?.Id ?? (await this.#createOrFind(task, signal))
    if (signal.aborted) throw cancelled()
    return await this.#run(task, id)
  }

  /** The id of the task's container, new or left by an earlier start. */
  async #createOrFind(task: TaskStart, signal: AbortSignal): Promise<string> {
    const options = containerOptions(task, this.#settings)
    const { image, pull } = task.spec.docker!
    if (pull === 'always') await unlessCancelled(this.#images.pull(image), signal)
    const create = (): Promise<Docker.Container> => this.#docker.createContainer(options)
    const created = await ask('create-failed', create()).catch(async (failure: RuntimeFailure) => {
      if (statusOf(failure.cause) === 409) return await this.#ownByName(task)
      if (statusOf(failure.cause) !== 404) throw failure
      if (pull === 'never') throw missingImage(options.Image!)
      await unlessCancelled(this.#images.pull(image), signal)
      return await ask('create-failed', create())
    })
    return created.id
  }

  async #ownByName(task: TaskStart): Promise<{ id: string }> {
    const name = containerName(task)
    const found = await inspect(this.#docker, name)
    if (found && readLabels(found.Config.Labels)?.node === this.#settings.node)
      return { id: found.Id }
    throw new RuntimeFailure('name-taken', `container ${name} is not this node's`, true)
  }

  async #run(task: TaskStart, id: string): Promise<TaskStarted> {
    const refused = await ask('start-failed', this.#docker.getContainer(id).start()).then(
      () => undefined,
      (failure: RuntimeFailure) => failure,
    )
    // What was asked without an answer may have come true all the same, and a refusal may be a half one.
    if (refused && (refused.code === 'engine-unavailable' || statusOf(refused.cause) === 404))
      throw refused
    const found = await inspect(this.#docker, id).catch((failure: RuntimeFailure) => {
      throw new RuntimeFailure(failure.code, failure.message, false, failure)
    })
    if (refused && !found?.State.Running) throw refused
    if (!found) throw new RuntimeFailure('start-failed', 'its container was removed', true)
    const started = this.#remember(task, found)
    // It may have ended before it was known, so nobody heeded its end.
    const isOver = !found.State.Running || this.#starting.get(keyOf(task))?.wasHeardToEnd
    if (isOver) setImmediate(() => this.#heardEnd(id))
    return started
  }

  #remember(task: TaskStart, found: Docker.ContainerInspectInfo): TaskStarted {
    const { allocation, task: name, ports } = task
    const ref = { allocation, task: name }
    const known = this.#known.get(keyOf(ref))
    if (known?.id !== found.Id || known.exit !== undefined)
      this.#known.set(keyOf(ref), {
        ref,
        id: found.Id,
        process: processOf(found),
        ports,
        exit: undefined,
      })
    return { pid: found.State.Pid || null, containerId: found.Id }
  }

  #heardEnd(id: string, task?: TaskRef): void {
    const starting = task && this.#starting.get(keyOf(task))
    if (starting) starting.wasHeardToEnd = true
    for (const known of this.#known.values())
      if (known.id === id) void this.#settle(known).catch(() => undefined)
  }

  /** Asks whether it has ended, and if so tells it, once. Why it ended is known where we have ended it: `look`. */
  async #settle(known: KnownContainer, look = inspectEnding): Promise<TaskExit | undefined> {
    if (known.exit !== undefined) return known.exit
    const found = await look(this.#docker, known.id)
    if (found?.State.Running) return undefined
    return this.#conclude(known, exitOf(found))
  }

  #conclude(known: KnownContainer, exit: TaskExit): TaskExit {
    if (known.exit !== undefined) return known.exit
    known.exit = exit
    if (!this.#isClosed) this.#onExit(known.ref, exit)
    return exit
  }

  /** After a connection: whatever has ended since the last one. */
  async #askAll(): Promise<void> {
    const running = [...this.#known.values()].filter(({ exit }) => exit === undefined)
    if (running.length === 0) return
    const listed = await listOurs(this.#docker, this.#settings.node)
    const states = new Map(listed.map(({ Id, State }) => [Id, State]))
    for (const known of running)
      if (!isRunningState(states.get(known.id))) await this.#settle(known)
  }

  async stop(ref: TaskRef, graceMs: number): Promise<TaskExit> {
    await this.#cancelStart(ref)
    const known = this.#known.get(keyOf(ref)) ?? (await this.#find(ref))
    if (known === undefined) return wasNotRunning
    if (known.exit !== undefined) return known.exit
    // The engine counts whole seconds.
    const stopping = this.#docker
      .getContainer(known.id)
      .stop({ t: Math.ceil(graceMs / 1000) })
      .catch((error) => {
        if (statusOf(error) !== 304 && statusOf(error) !== 404) throw error
      })
    await ask('stop-failed', stopping, graceMs + stopMarginMs).catch((failure: RuntimeFailure) => {
      throw new RuntimeFailure(failure.code, failure.message, false, failure)
    })
    const exit = await this.#settle(known, inspect)
    if (exit === undefined)
      throw new RuntimeFailure('stop-failed', 'its container would not stop', false)
    return exit
  }

  /** A pull takes minutes, for which no stop waits; the image comes all the same. */
  async #cancelStart(ref: TaskRef): Promise<void> {
    const underWay = this.#starting.get(keyOf(ref))
    underWay?.cancel.abort()
    await underWay?.started.catch(() => undefined)
  }

  /** One of ours that this life of the agent has not met. */
  async #find(ref: TaskRef): Promise<KnownContainer | undefined> {
    const found = await inspect(this.#docker, containerName(ref))
    const labels = readLabels(found?.Config.Labels)
    if (!found || labels?.node !== this.#settings.node) return undefined
    const exit = found.State.Running ? undefined : exitOf(found)
    const known = { ref, id: found.Id, process: processOf(found), ports: labels.ports, exit }
    this.#known.set(keyOf(ref), known)
    return known
  }

  async observe(): Promise<ObservedTask[]> {
    this.#events.connect()
    const listed = await listOurs(this.#docker, this.#settings.node)
    const observed: ObservedTask[] = []
    for (const { Id, Labels, State } of listed) {
      const labels = readLabels(Labels)
      if (labels?.cluster !== this.#settings.cluster) continue
      // Made and never started: no task.
      if (State === 'created') continue
      const ref = { allocation: labels.allocation, task: labels.task }
      const known = this.#known.get(keyOf(ref)) ?? (await this.#find(ref))
      if (known?.id === Id) observed.push(await this.#describe(known))
    }
    return observed
  }

  async #describe(known: KnownContainer): Promise<ObservedTask> {
    const found = known.exit ? undefined : await inspect(this.#docker, known.id)
    return {
      ...known.ref,
      running: known.exit === undefined,
      pid: found?.State.Pid || null,
      containerId: known.id,
      ports: known.ports,
      exitCode: known.exit?.exitCode ?? null,
    }
  }

  async remove(allocation: AllocationId): Promise<void> {
    const listed = await listOurs(this.#docker, this.#settings.node, allocation)
    for (const { Id, Labels } of listed) {
      const labels = readLabels(Labels)
      if (labels?.cluster !== this.#settings.cluster) continue
      const ref = { allocation, task: labels.task }
      await this.stop(ref, 0)
      await removeContainer(this.#docker, Id)
      this.#known.delete(keyOf(ref))
    }
    for (const [key, { ref }] of this.#known)
      if (ref.allocation === allocation) this.#known.delete(key)
  }

  async leave(): Promise<void> {
    const listed = await listOurs(this.#docker, this.#settings.node)
    const ended = listed.filter(({ State }) => !isRunningState(State))
    await Promise.all(ended.map(({ Id }) => removeContainer(this.#docker, Id)))
  }

  logs(ref: TaskRef, options: LogOptions): AsyncIterable<Uint8Array> {
    return readContainerLogs(this.#docker, containerName(ref), options)
  }

  async stats(ref: TaskRef): Promise<TaskStats | undefined> {
    const known = this.#known.get(keyOf(ref)) ?? (await this.#find(ref))
    if (known === undefined || known.exit !== undefined) return undefined
    const asked = this.#docker.getContainer(known.id).stats({ stream: false })
    return readUsage(await ask('stats-failed', asked))
  }

  async exec(
    ref: TaskRef,
    command: readonly string[],
    timeoutMs: number,
  ): Promise<{ exitCode: number | null; output: string }> {
    const known = this.#known.get(keyOf(ref)) ?? (await this.#find(ref))
    if (known === undefined || known.exit !== undefined)
      throw new RuntimeFailure('not-running', `${keyOf(ref)} is not running`, true)
    return await executeInside(this.#docker, known.id, command, timeoutMs)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#events.close()
    const underWay = [...this.#starting.values()]
    for (const { cancel } of underWay) cancel.abort()
    await Promise.allSettled(underWay.map(({ started }) => started))
  }
}

function exitOf(found: Docker.ContainerInspectInfo | undefined): TaskExit {
  if (!found) return { exitCode: null, reason: 'its container was removed' }
  const { ExitCode, OOMKilled } = found.State
  const memory = Math.floor((found.HostConfig.Memory ?? 0) / bytesPerMib)
  return describeExit({ code: ExitCode, outOfMemory: OOMKilled, memory })
}

function cancelled(): RuntimeFailure {
  return new RuntimeFailure('start-cancelled', 'it was stopped before it had started', true)
}

async function unlessCancelled(pulling: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(cancelled())
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    await Promise.race([pulling, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function missingImage(image: string): RuntimeFailure {
  const message = `image ${image} is not on this machine, and the job says never to pull it`
  return new RuntimeFailure('image-missing', message, true)
}

function keyOf(ref: TaskRef): string {
  return `${ref.allocation}/${ref.task}`
}
