/**
 * The host ports that this node has given to its allocations. A port is held from `reserve` to `release` and
 * never given twice meanwhile, whether or not anybody listens on it yet.
 *
 * Free ports are tried by listening on them for a moment, since other programs, and other agents of the same
 * machine, take ports too. What another takes between that moment and the task's own start shows as the task's
 * failure. The walk begins at a random port, so that agents of one machine rarely meet, and goes on from the
 * last one given, so that a port rests before its next use. The range is below Linux's own of outgoing
 * connections (32768–60999), from which any socket may take one for a while.
 */
import { createServer } from 'node:net'
import type { AllocationId } from '../../protocol/base/id.ts'
import { RuntimeFailure } from './runtime.ts'

export interface WantedPort {
  readonly name: string
  /** null where any free port will do. */
  readonly host: number | null
}

export interface PortTableOptions {
  /** First and last. @default [20000, 29999] */
  readonly range?: readonly [number, number]
  /** In [0, 1). @default Math.random */
  readonly random?: () => number
}

type Ports = { readonly [name: string]: number }

export class PortTable {
  readonly #first: number
  readonly #count: number
  readonly #holders = new Map<number, AllocationId>()
  readonly #ports = new Map<AllocationId, Ports>()
  /** Reservations one after the other: two that try the same port at once would both find it taken. */
  #turn: Promise<unknown> = Promise.resolve()
  #next: number

  constructor(options: PortTableOptions = {}) {
    const [first, last] = options.range ?? [20_000, 29_999]
    this.#first = first
    this.#count = last - first + 1
    this.#next = Math.floor((options.random ?? Math.random)() * this.#count)
  }

  /** All or none. Asked again for the same names it answers with the same ports. */
  reserve(allocation: AllocationId, wanted: readonly WantedPort[]): Promise<Ports> {
    const reserving = this.#turn.then(() => this.#reserve(allocation, wanted))
    this.#turn = reserving.catch(() => undefined)
    return reserving
  }

  async #reserve(allocation: AllocationId, wanted: readonly WantedPort[]): Promise<Ports> {
    const held = this.#ports.get(allocation) ?? {}
    const taken: { [name: string]: number } = {}
    try {
      for (const { name, host } of wanted) {
        const same = held[name] !== undefined && (host === null || host === held[name])
        taken[name] = same ? held[name]! : await this.#take(allocation, host)
      }
    } catch (error) {
      this.#holdOnly(allocation, Object.values(held))
      throw error
    }
    this.#holdOnly(allocation, Object.values(taken))
    this.#ports.set(allocation, taken)
    return taken
  }

  async #take(allocation: AllocationId, fixed: number | null): Promise<number> {
    const port = fixed ?? (await this.#findFree())
    const holder = this.#holders.get(port)
    if (holder !== undefined && holder !== allocation)
      throw new RuntimeFailure('port-taken', `port ${port} is held by ${holder}`, true)
    if (holder === undefined && fixed !== null && !(await isFree(port)))
      throw new RuntimeFailure('port-taken', `port ${port} is in use on this machine`, true)
    this.#holders.set(port, allocation)
    return port
  }

  async #findFree(): Promise<number> {
    for (let tried = 0; tried < this.#count; tried++) {
      const port = this.#first + this.#next
      this.#next = (this.#next + 1) % this.#count
      if (!this.#holders.has(port) && (await isFree(port))) return port
    }
    const last = this.#first + this.#count - 1
    throw new RuntimeFailure('port-taken', `no port of ${this.#first}–${last} is free`, true)
  }

  /** Of a task that an earlier agent left running. */
  adopt(allocation: AllocationId, ports: Ports): void {
    const merged = { ...this.#ports.get(allocation), ...ports }
    this.#ports.set(allocation, merged)
    for (const port of Object.values(merged)) this.#holders.set(port, allocation)
  }

  release(allocation: AllocationId): void {
    this.#ports.delete(allocation)
    this.#holdOnly(allocation, [])
  }

  #holdOnly(allocation: AllocationId, kept: readonly number[]): void {
    for (const [port, holder] of this.#holders)
      if (holder === allocation && !kept.includes(port)) this.#holders.delete(port)
  }
}

/** On no address of this machine does anybody listen on it. */
export async function isFree(port: number): Promise<boolean> {
  const code = await tryListen(port, '::')
  const hasNoIpv6 = code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL'
  return (hasNoIpv6 ? await tryListen(port, '0.0.0.0') : code) === undefined
}

function tryListen(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}
