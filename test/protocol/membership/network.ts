/**
 * A network in memory with virtual time: links that open on demand, break with their process or go silent
 * with a cable, and gossip that reaches whoever a path of open links leads to. Each hop takes 10 ms.
 */
import type { MemberId } from '../../../protocol/base/id.ts'

export const latencyMs = 10
const dialMs = 3 * latencyMs
const redialMs = 500
/** A link over which nothing comes is given up after this. */
const silentCloseMs = 10_000

export interface Handlers {
  linkOpened(at: MemberId, other: MemberId): void
  linkClosed(at: MemberId, other: MemberId): void
  /** Whether `at` runs and wants the link to be there. */
  wants(at: MemberId, other: MemberId): boolean
}

interface Task {
  at: number
  order: number
  run: () => void
}

export class Network {
  readonly #handlers: Handlers
  readonly #tasks: Task[] = []
  readonly #running = new Set<MemberId>()
  readonly #mute = new Set<MemberId>()
  readonly #cuts = new Set<string>()
  readonly #links = new Set<string>()
  readonly #dialling = new Set<string>()
  #order = 0
  now = 1_000_000

  constructor(handlers: Handlers) {
    this.#handlers = handlers
  }

  after(delayMs: number, run: () => void): void {
    this.#order += 1
    this.#tasks.push({ at: this.now + delayMs, order: this.#order, run })
  }

  nextAt(): number {
    return Math.min(...this.#tasks.map((task) => task.at))
  }

  /** Performs the earliest task if it is due by then. */
  runNext(until: number): boolean {
    const next = this.#tasks.reduce<Task | undefined>(
      (first, task) => (first === undefined || isBefore(task, first) ? task : first),
      undefined,
    )
    if (next === undefined || next.at > until) return false
    this.#tasks.splice(this.#tasks.indexOf(next), 1)
    this.now = next.at
    next.run()
    return true
  }

  isRunning(member: MemberId): boolean {
    return this.#running.has(member)
  }

  start(member: MemberId): void {
    this.#running.add(member)
    this.#mute.delete(member)
  }

  /** The process ends and its sockets are reset. */
  kill(member: MemberId): void {
    this.#running.delete(member)
    for (const other of this.linkedTo(member)) {
      this.#links.delete(pair(member, other))
      if (this.#connects(member, other))
        this.after(latencyMs, () => this.#notifyClosed(other, member))
      else this.after(silentCloseMs, () => this.#notifyClosed(other, member))
    }
  }

  /** The machine is gone; nobody is told. */
  silence(member: MemberId): void {
    this.#mute.add(member)
    for (const other of this.linkedTo(member)) this.#closeIfSilent(member, other)
  }

  cut(a: MemberId, b: MemberId): void {
    this.#cuts.add(pair(a, b))
    this.#closeIfSilent(a, b)
  }

  healAll(): void {
    this.#cuts.clear()
    this.#mute.clear()
  }

  linkedTo(member: MemberId): MemberId[] {
    return [...this.#links]
      .map((name) => name.split(' '))
      .filter((ends) => ends.includes(member))
      .map(([a, b]) => (a === member ? b! : a!))
      .sort()
  }

  send(from: MemberId, to: MemberId, deliver: () => void): void {
    if (this.#links.has(pair(from, to))) {
      this.after(latencyMs, () => {
        if (this.#reaches(from, to)) deliver()
      })
    } else {
      this.dial(from, to)
      this.after(dialMs + latencyMs, () => {
        if (this.#links.has(pair(from, to)) && this.#reaches(from, to)) deliver()
      })
    }
  }

  dial(from: MemberId, to: MemberId): void {
    const name = pair(from, to)
    if (this.#links.has(name) || this.#dialling.has(name)) return
    this.#dialling.add(name)
    this.after(dialMs, () => {
      this.#dialling.delete(name)
      if (this.#reaches(from, to)) this.#open(from, to)
      else
        this.after(redialMs, () => {
          if (this.#handlers.wants(from, to)) this.dial(from, to)
        })
    })
  }

  /** Whom gossip from the member reaches now. */
  reachableFrom(member: MemberId): MemberId[] {
    const reached = new Set([member])
    for (const at of reached)
      for (const other of this.linkedTo(at)) if (this.#reaches(at, other)) reached.add(other)
    return [...reached].filter((other) => other !== member).sort()
  }

  #open(a: MemberId, b: MemberId): void {
    if (this.#links.has(pair(a, b))) return
    this.#links.add(pair(a, b))
    this.#handlers.linkOpened(a, b)
    this.#handlers.linkOpened(b, a)
  }

  #closeIfSilent(a: MemberId, b: MemberId): void {
    this.after(silentCloseMs, () => {
      if (this.#connects(a, b) || !this.#links.delete(pair(a, b))) return
      this.#notifyClosed(a, b)
      this.#notifyClosed(b, a)
    })
  }

  #notifyClosed(at: MemberId, other: MemberId): void {
    if (!this.isRunning(at) || this.#links.has(pair(at, other))) return
    this.#handlers.linkClosed(at, other)
    if (this.#handlers.wants(at, other)) this.dial(at, other)
  }

  #connects(a: MemberId, b: MemberId): boolean {
    return !this.#mute.has(a) && !this.#mute.has(b) && !this.#cuts.has(pair(a, b))
  }

  #reaches(a: MemberId, b: MemberId): boolean {
    return this.isRunning(a) && this.isRunning(b) && this.#connects(a, b)
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

function pair(a: MemberId, b: MemberId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
