/** Hosts with an address each, in network namespaces, on machines that can have them. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { testbed } from '../testbed.ts'

const relay = new URL('./relay.ts', import.meta.url).pathname
const netbed = (...args: string[]) => testbed('netbed.sh', args, 30_000)

export class NetBed {
  /** Of five characters at most, which holds every pid. */
  readonly #name = process.pid.toString(36)
  readonly #relays: ChildProcess[] = []

  constructor(hosts: number) {
    netbed('up', String(hosts), this.#name)
    process.once('exit', this.down)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  }

  /** For a cluster with agent i on host i + 1. */
  readonly options = {
    wrap: (index: number) => ['nsenter', `--net=/run/netns/starling-${this.#name}-${index + 1}`],
    hostOf: (index: number) => `10.66.0.${index + 1}`,
    reach: (index: number, port: number) => this.#reach(index, port),
  }

  /** From now on these hear only each other. */
  part(...hosts: number[]): void {
    netbed('part', hosts.join(','), this.#name)
  }

  heal(): void {
    netbed('heal', this.#name)
  }

  /** What one sends to the other is lost; not what the other sends to it. */
  mute(from: number, to: number): void {
    netbed('mute', String(from), String(to), this.#name)
  }

  unmute(from: number, to: number): void {
    netbed('unmute', String(from), String(to), this.#name)
  }

  readonly down = (): void => {
    process.off('exit', this.down)
    for (const child of this.#relays) child.kill('SIGKILL')
    netbed('down', this.#name)
  }

  async #reach(index: number, port: number): Promise<void> {
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    const [command, ...args] = this.options.wrap(index)
    const child = spawn(command!, [...args, process.execPath, '--no-warnings', relay, `${port}`], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.#relays.push(child)
    await new Promise((resolve) => child.send('listen', server, resolve))
    server.close()
  }
}

/** Why this machine cannot have such hosts, or undefined. Installs what is missing where that is possible. */
export function whyNoNetBed(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces need Linux'
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  const isThere = (command: string) => spawnSync(command, ['-V']).error === undefined
  try {
    if (!['ip', 'nsenter'].every(isThere)) testbed('install.sh', [], 600_000)
    const probe = new NetBed(1)
    probe.down()
    return undefined
  } catch (error) {
    return `no network namespaces can be made: ${(error as Error).message}`
  }
}
