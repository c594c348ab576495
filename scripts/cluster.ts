/**
 * N agents on this machine, each a real process with a data folder of its own, for tests and benchmarks. It ends
 * what it started, by pid, and removes its folder.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

export interface ClusterOptions {
  readonly agents: number
  /** Millicores and MiB of each. @default 4000, 4096 */
  readonly cpu?: number
  readonly memory?: number
  readonly runtime?: 'auto' | 'process' | 'docker'
  /** Further flags of `starling agent`. */
  readonly flags?: readonly string[]
  /** Milliseconds between two starts. @default 150 */
  readonly staggerMs?: number
  /** Put before the command of agent i: to enter a network namespace, for instance. */
  readonly wrap?: (index: number) => readonly string[]
  /** Host of agent i's peer address. @default 127.0.0.1 */
  readonly hostOf?: (index: number) => string
  /** Makes the port of agent i's API, where its command runs, the same port of this machine. */
  readonly reach?: (index: number, apiPort: number) => Promise<void>
}

export class LocalCluster {
  readonly agents: LocalAgent[] = []
  readonly directory: string
  readonly keyFile: string
  readonly #options: ClusterOptions

  constructor(options: ClusterOptions) {
    endWithProcess()
    unstopped.add(this)
    this.#options = options
    this.directory = mkdtempSync(join(tmpdir(), 'starling-cluster-'))
    this.keyFile = join(this.directory, 'cluster.key')
    const made = spawnSync(process.execPath, [join(root, 'node/main.ts'), 'init', this.keyFile], {
      encoding: 'utf8',
    })
    if (made.status !== 0) throw new Error(`starling init failed: ${made.stderr}`)
  }

  /** Starts all, and waits until each sees all. */
  static async start(options: ClusterOptions): Promise<LocalCluster> {
    const cluster = new LocalCluster(options)
    try {
      for (let i = 0; i < options.agents; i++) {
        await cluster.add()
        await new Promise((resolve) => setTimeout(resolve, options.staggerMs ?? 150))
      }
      await cluster.whole()
      return cluster
    } catch (error) {
      const logs = cluster.agents
        .slice(0, 5)
        .map((agent) => `${agent.name} ends with: ${agent.log().slice(-500)}`)
      await cluster.stop()
      throw new Error([(error as Error).message, ...logs].join('\n'), { cause: error })
    }
  }

  /** One more agent, which joins the ones that run; it may not be ready yet. */
  async add(flags: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<LocalAgent> {
    const index = this.agents.length
    const host = this.#options.hostOf?.(index) ?? '127.0.0.1'
    const [apiPort, peerPort] = await freePorts(2)
    const agent = new LocalAgent({
      name: `n${index + 1}`,
      data: join(this.directory, `n${index + 1}`),
      keyFile: this.keyFile,
      host,
      apiPort: apiPort!,
      peerPort: peerPort!,
      join: this.agents.slice(0, 3).map((other) => other.peer),
      wrap: this.#options.wrap?.(index) ?? [],
      flags: [
        ...['--cpu', String(this.#options.cpu ?? 4000)],
        ...['--memory', String(this.#options.memory ?? 4096)],
        ...['--runtime', this.#options.runtime ?? 'process'],
        ...(this.#options.flags ?? []),
        ...flags,
      ],
      env,
    })
    this.agents.push(agent)
    await this.#options.reach?.(index, apiPort!)
    agent.start()
    return agent
  }

  get running(): LocalAgent[] {
    return this.agents.filter((agent) => agent.isRunning)
  }

  /**
   * Until every running agent sees every running agent alive. One is asked at a time: to ask fifty all the time
   * would keep them from getting there. One that ends meanwhile, its port taken by another for instance, is told
   * at once.
   */
  async whole(withinMs = 180_000): Promise<void> {
    const running = this.running
    const isWhole = async () => {
      const ended = running.find((agent) => !agent.isRunning)
      if (ended !== undefined) throw new Error(`${ended.name} ended: ${ended.log().slice(-500)}`)
      for (const agent of running) if ((await agent.aliveCount()) !== running.length) return false
      return true
    }
    await until(isWhole, `${running.length} agents see each other`, withinMs, 10 * running.length)
  }

  async stop(): Promise<void> {
    await Promise.all(this.agents.map((agent) => agent.terminate()))
    for (const agent of this.agents) agent.killTasks()
    this.#remove()
  }

  /** Without waiting for anything: this process is about to end. */
  endAtOnce(): void {
    for (const agent of this.agents) agent.child?.kill('SIGKILL')
    for (const agent of this.agents) agent.killTasks()
    this.#remove()
  }

  #remove(): void {
    unstopped.delete(this)
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Clusters that have not been stopped. */
const unstopped = new Set<LocalCluster>()
let endsWithProcess = false

/** However this process ends, short of being killed, its agents do not outlive it. */
function endWithProcess(): void {
  if (endsWithProcess) return
  endsWithProcess = true
  process.once('exit', () => {
    for (const cluster of [...unstopped]) cluster.endAtOnce()
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(1))
}

interface AgentInit {
  readonly name: string
  readonly data: string
  readonly keyFile: string
  readonly host: string
  readonly apiPort: number
  readonly peerPort: number
  readonly join: readonly string[]
  readonly wrap: readonly string[]
  readonly flags: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

export class LocalAgent {
  readonly name: string
  readonly data: string
  readonly api: string
  readonly peer: string
  readonly logFile: string
  child: ChildProcess | undefined
  readonly #init: AgentInit

  constructor(init: AgentInit) {
    this.#init = init
    this.name = init.name
    this.data = init.data
    this.api = `http://127.0.0.1:${init.apiPort}`
    this.peer = `${init.host}:${init.peerPort}`
    this.logFile = `${init.data}.log`
  }

  get isRunning(): boolean {
    return (
      this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null
    )
  }

  get pid(): number {
    return this.child?.pid ?? 0
  }

  start(flags: readonly string[] = []): void {
    const { name, data, keyFile, join: seeds, wrap } = this.#init
    mkdirSync(data, { recursive: true })
    const log = openSync(this.logFile, 'a')
    const command = [
      ...wrap,
      ...[
        process.execPath,
        '--no-warnings',
        '--max-semi-space-size=2',
        join(root, 'node/main.ts'),
        'agent',
      ],
      ...['--name', name, '--data', data, '--key', keyFile],
      ...['--api', this.api.slice('http://'.length), '--listen', this.peer],
      ...(seeds.length > 0 ? ['--join', seeds.join(',')] : []),
      ...this.#init.flags,
      ...flags,
    ]
    const cache = join(root, 'node_modules/.cache/compile')
    const env = { NODE_COMPILE_CACHE: cache, ...process.env, ...this.#init.env }
    this.child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', log, log], env })
  }

  /** `kill -9` of the agent alone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** A machine's death: the agent and its tasks at once. */
  async killMachine(): Promise<void> {
    const tasks = this.taskPids()
    const ended = this.#end('SIGKILL')
    for (const pid of tasks) endGroup(pid)
    await ended
  }

  /** SIGTERM, then SIGKILL after 20 s. */
  async terminate(): Promise<void> {
    const timer = setTimeout(() => this.child?.kill('SIGKILL'), 20_000)
    await this.#end('SIGTERM')
    clearTimeout(timer)
  }

  killTasks(): void {
    for (const pid of this.taskPids()) endGroup(pid)
  }

  /** The processes of its tasks that run, the wrappers that lead their groups among them. */
  taskPids(): number[] {
    return this.#tasks().map(([pid]) => pid)
  }

  /** Allocations that have processes, whoever knows of them. */
  taskAllocations(): string[] {
    return [...new Set(this.#tasks().map(([, allocation]) => allocation))]
  }

  #tasks(): [pid: number, allocation: string][] {
    const folder = `${join(this.data, 'allocations')}/`
    if (!existsSync(folder)) return []
    const pids = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))
    return pids.flatMap((pid) => {
      const directory = workingDirectoryOf(Number(pid))
      if (!directory?.startsWith(folder)) return []
      return [[Number(pid), directory.slice(folder.length).split('/')[0]!]]
    })
  }

  async get<T>(path: string): Promise<T> {
    return (await this.request('GET', path)).json() as Promise<T>
  }

  request(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(this.api + path, {
      method,
      signal: AbortSignal.timeout(15_000),
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    })
  }

  /** Members that it sees alive; 0 while it does not answer. */
  async aliveCount(): Promise<number> {
    try {
      const cluster = await this.get<{ members: { alive: number } }>('/v1/cluster')
      return cluster.members.alive
    } catch {
      return 0
    }
  }

  log(): string {
    return readFileSync(this.logFile, 'utf8')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child
    if (child === undefined || !this.isRunning) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await ended
  }
}

function workingDirectoryOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return undefined
  }
}

function endGroup(pid: number): void {
  for (const target of [-pid, pid])
    try {
      process.kill(target, 'SIGKILL')
    } catch {
      // It ended before.
    }
}

/** Looks again and again until the condition holds. */
export async function until(
  condition: () => Promise<boolean> | boolean,
  what: string,
  withinMs: number,
  everyMs = 50,
): Promise<number> {
  const startedAt = performance.now()
  for (;;) {
    if (await condition()) return performance.now() - startedAt
    if (performance.now() - startedAt > withinMs)
      throw new Error(`not within ${withinMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}

/** Below the ports that the kernel gives to outgoing connections: one of those is taken before an agent is up. */
const portsFrom = 12_000
const portsTo = 32_000

/** Ports of this machine that nobody listens on, none of them handed out before by this process. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    nextPort = nextPort + 1 < portsTo ? nextPort + 1 : portsFrom
    if (await isFree(nextPort)) ports.push(nextPort)
  }
  return ports
}

let nextPort = portsFrom + ((process.pid * 97) % (portsTo - portsFrom))

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
