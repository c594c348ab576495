/** Connections between hosts, as the agents see them: opened on demand, reset or silently dead. */
import type { Host } from './host.ts'
import { redialUs, silentCloseUs } from './network.ts'
import type { Simulator } from './simulator.ts'

export class Links {
  readonly #simulator: Simulator
  /** Of each host: the others, and the lives of both ends when the link was opened. */
  readonly #open: Map<number, number>[] = []
  readonly #dialling = new Set<number>()

  constructor(simulator: Simulator) {
    this.#simulator = simulator
  }

  isOpen(a: Host, b: Host): boolean {
    return this.#open[a.index]?.get(b.index) === lives(a, b)
  }

  /** Opens a link if the other is there; keeps trying while the dialler wants it. */
  dial(from: Host, to: Host): void {
    const key = numberOf(from, to)
    if (this.isOpen(from, to) || this.#dialling.has(key)) return
    this.#dialling.add(key)
    const delay = 3 * this.#simulator.network.latencyUs(from.index, to.index)
    this.#after(delay, from, to, () => {
      this.#dialling.delete(key)
      if (!from.isUp || this.isOpen(from, to)) return
      if (to.isUp && this.#simulator.network.connects(from.index, to.index)) this.#opened(from, to)
      else this.#after(redialUs, from, to, () => from.wants(to) && this.dial(from, to))
    })
  }

  /** The process ended and its sockets were reset. */
  reset(host: Host): void {
    for (const other of this.#othersOf(host)) {
      this.#forget(host, other)
      const delay = this.#simulator.network.latencyUs(host.index, other.index)
      const life = other.life
      this.#after(delay, host, other, () => this.#closed(other, host, life))
    }
  }

  /** The machine lost power: those at the other ends are not told until a time-out. */
  silenceAll(host: Host): void {
    for (const other of this.#othersOf(host)) this.silence(host, other)
  }

  /** Of these hosts, those across which nothing goes any more: both ends find out in the end. */
  silenceBroken(hosts: readonly Host[]): void {
    const { network } = this.#simulator
    for (const host of hosts)
      for (const other of this.#othersOf(host))
        if (!network.connects(host.index, other.index)) this.silence(host, other)
  }

  /** The machine is dead or cut off: nobody is told until a time-out. */
  silence(a: Host, b: Host): void {
    const held = this.#open[a.index]?.get(b.index)
    if (held === undefined) return
    this.#after(silentCloseUs, a, b, () => {
      const { network } = this.#simulator
      if (this.#open[a.index]?.get(b.index) !== held) return
      if (a.isUp && b.isUp && held === lives(a, b) && network.connects(a.index, b.index)) return
      this.#forget(a, b)
      this.#closed(a, b, a.life)
      this.#closed(b, a, b.life)
    })
  }

  /** By index, so that what follows does not depend on the order of opening. */
  #othersOf(host: Host): Host[] {
    const indices = [...(this.#open[host.index]?.keys() ?? [])].sort((a, b) => a - b)
    return indices.map((index) => this.#simulator.hosts[index]!)
  }

  #remember(a: Host, b: Host): void {
    this.#linksOf(a).set(b.index, lives(a, b))
    this.#linksOf(b).set(a.index, lives(a, b))
  }

  #forget(a: Host, b: Host): void {
    this.#linksOf(a).delete(b.index)
    this.#linksOf(b).delete(a.index)
  }

  #linksOf(host: Host): Map<number, number> {
    this.#open[host.index] ??= new Map()
    return this.#open[host.index]!
  }

  #opened(from: Host, to: Host): void {
    this.#remember(from, to)
    from.receive({ type: 'link-opened', member: to.id })
    to.receive({ type: 'link-opened', member: from.id })
  }

  #closed(at: Host, other: Host, life: number): void {
    if (!at.isUp || at.life !== life || this.isOpen(at, other)) return
    at.receive({ type: 'link-closed', member: other.id })
    if (at.wants(other)) this.dial(at, other)
  }

  #after(delayUs: number, from: Host, to: Host, run: () => void): void {
    this.#simulator.schedule(delayUs, 'link', { destination: to.index, source: from.index }, run)
  }
}

/** The pair, whichever comes first. */
function numberOf(a: Host, b: Host): number {
  return Math.min(a.index, b.index) * 2 ** 24 + Math.max(a.index, b.index)
}

/** A link belongs to one life of each end. */
function lives(a: Host, b: Host): number {
  return a.index < b.index ? a.life * 2 ** 16 + b.life : b.life * 2 ** 16 + a.life
}
