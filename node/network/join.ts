/**
 * Finding the cluster: the join addresses are tried for ever, in random order and with a jittered back-off,
 * until somebody is linked, and again whenever nobody is. Linked to some, the addresses that have never
 * answered are still tried now and then: without that, two halves of a cluster that was started while a
 * part of the network was down would not find each other.
 */
import { dialable, type HostPort, parseHostPort, toMultiaddr } from './address.ts'
import type { Links } from './links.ts'
import { backOffMs, timing } from './timing.ts'

/** Addresses dialled at once: one that swallows packets must not hold up the rest. */
const parallel = 4

export class JoinLoop {
  readonly #links: Pick<Links, 'count' | 'dialAddress'>
  readonly #addresses: string[]
  readonly #answered = new Set<string>()
  #failures = 0
  #running = false
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(links: Pick<Links, 'count' | 'dialAddress'>, join: readonly string[]) {
    this.#links = links
    this.#addresses = join.flatMap(toDial)
  }

  start(): void {
    this.#schedule(0)
  }

  /** The last link closed: at once, before the back-off has a reason. */
  onAlone(): void {
    this.#failures = 0
    if (!this.#running)
      this.#schedule(backOffMs(0, { minMs: timing.yieldMs, maxMs: timing.yieldMs }))
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #schedule(delayMs: number): void {
    if (this.#stopped || this.#addresses.length === 0) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#round(), delayMs)
  }

  async #round(): Promise<void> {
    this.#running = true
    const alone = this.#links.count === 0
    const targets = this.#addresses.filter((address) => alone || !this.#answered.has(address))
    await this.#tryAll(shuffled(targets), alone)
    this.#running = false
    if (this.#links.count > 0) {
      this.#failures = 0
      this.#schedule(backOffMs(0, { minMs: timing.joinAgainMs, maxMs: timing.joinAgainMs }))
    } else {
      const bounds = { minMs: timing.joinMinMs, maxMs: timing.joinMaxMs }
      this.#schedule(backOffMs(this.#failures++, bounds))
    }
  }

  async #tryAll(addresses: string[], alone: boolean): Promise<void> {
    for (let i = 0; i < addresses.length && !this.#stopped; i += parallel) {
      await Promise.all(addresses.slice(i, i + parallel).map((address) => this.#try(address)))
      if (alone && this.#links.count > 0) return
    }
  }

  async #try(address: string): Promise<void> {
    try {
      await this.#links.dialAddress(address)
      this.#answered.add(address)
    } catch (error) {
      // Everyone may be given the same list, so our own address is often on it. It needs no answer.
      if (error instanceof Error && error.message === 'Can not dial self')
        this.#answered.add(address)
    }
  }
}

function toDial(text: string): string[] {
  const hostPort: HostPort | undefined = parseHostPort(text)
  const address = hostPort === undefined ? text : toMultiaddr(hostPort)
  return dialable([address]).length > 0 ? [address] : []
}

function shuffled(items: string[]): string[] {
  return items
    .map((item) => ({ item, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
}
