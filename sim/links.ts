/** Connections between hosts, as the agents see them: opened on demand, reset or silently dead. */
import type { Host } from './host.ts'
import { redialUs, silentCloseUs } from './network.ts'
import type { Simulator } from './simulator.ts'

export class Links {
  readonly #simulator: Simulator
  /** `a:b` with a < b, to the lives of both ends when it was opened. */
  readonly #open = new Map<string, string>()
  readonly #dialling = new Set<string>()

  constructor(simulator: Simulator) {
    this.#simulator = simulator
  }

  isOpen(a: Host, b: Host): boolean {
    return this.#open.get(name(a, b)) === lives(a, b)
  }

  /** Opens a link if the other is there; keeps trying while the dialler wants it. */
  dial(from: Host, to: Host): void {
    const key = name(from, to)
    if (this.isOpen(from, to) || this.#dialling.has(key)) return
    this.#dialling.add(key)
    const delay = 3 * this.#simulator.network.latencyUs()
    this.#after(delay, from, to, () => {
      this.#dialling.delete(key)
      if (!from.isUp || this.isOpen(from, to)) return
      if (to.isUp && this.#simulator.network.connects(from.index, to.index)) this.#opened(from, to)
      else this.#after(redialUs, from, to, () => from.wants(to) && this.dial(from, to))
    })
  }

  /** The process ended and its sockets were reset. */
  reset(host: Host): void {
    for (const other of this.#simulator.hosts) {
      if (other === host || !this.#open.delete(name(host, other))) continue
      const delay = this.#simulator.network.latencyUs()
      const life = other.life
      this.#after(delay, host, other, () => this.#closed(other, host, life))
    }
  }

  /** The machine is dead or cut off: nobody is told until a time-out. */
  silence(a: Host, b: Host): void {
    const key = name(a, b)
    const held = this.#open.get(key)
    if (held === undefined) return
    this.#after(silentCloseUs, a, b, () => {
      const { network } = this.#simulator
      if (this.#open.get(key) !== held) return
      if (a.isUp && b.isUp && held === lives(a, b) && network.connects(a.index, b.index)) return
      this.#open.delete(key)
      this.#closed(a, b, a.life)
      this.#closed(b, a, b.life)
    })
  }

  #opened(from: Host, to: Host): void {
    this.#open.set(name(from, to), lives(from, to))
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

function name(a: Host, b: Host): string {
  return a.index < b.index ? `${a.index}:${b.index}` : `${b.index}:${a.index}`
}

/** A link belongs to one life of each end. */
function lives(a: Host, b: Host): string {
  return a.index < b.index ? `${a.life}:${b.life}` : `${b.life}:${a.life}`
}
