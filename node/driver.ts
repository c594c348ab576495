/**
 * The loop around the core: take an event, step, perform the effects, arm one timer. It works in slices and
 * lets the event loop serve sockets between them. What a step costs the outside is in perform.ts.
 *
 * Whatever the core or the performer throws is a bug of ours: the loop stops for good and says so once.
 */
import type { Millis, RequestId } from '../protocol/base/id.ts'
import type { Core } from '../protocol/core.ts'
import type { Effect } from '../protocol/effect.ts'
import type { Event } from '../protocol/event.ts'
import { limits } from '../protocol/limits.ts'
import type { Command, Problem, Reply } from '../protocol/request.ts'
import { EventQueue, type Queued } from './event-queue.ts'

export interface DriverInit {
  readonly clock: { now(): Millis }
  /** The effects of one step. */
  readonly perform: (effects: readonly Effect[]) => void
  /** Before the step. */
  readonly onEvent?: (event: Event, now: Millis, bytes: number) => void
  /** After the step, before its effects. */
  readonly onEffects?: (effects: readonly Effect[]) => void
  readonly onBug: (error: unknown) => void
}

export interface DriverCounters {
  steps: number
  effects: number
  /** Time inside the core and the performer. */
  busySeconds: number
  /** Remote messages dropped and local requests refused for want of a place in the queue. */
  overloaded: number
  lateTicks: number
}

/** Sockets wait at most about this long for the core. */
const sliceMs = 8
/** A timer that fires this late says that the process is slow, not the network. */
const lateMs = 50
/** The longest that a timer of the platform takes. */
const timerMaxMs = 2 ** 31 - 1

export class Driver {
  readonly counters: DriverCounters = {
    steps: 0,
    effects: 0,
    busySeconds: 0,
    overloaded: 0,
    lateTicks: 0,
  }
  readonly #init: DriverInit
  readonly #queue = new EventQueue(limits.queuedEvents)
  readonly #waiting = new Map<RequestId, (reply: Reply) => void>()
  #core: Core | undefined
  #lastRequest: RequestId = 0
  #now: Millis = 0
  #slice: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined
  #timerAt: Millis | undefined
  #isStopped = false

  constructor(init: DriverInit) {
    this.#init = init
  }

  /** Events that came before wait until now. */
  start(core: Core): void {
    this.#core = core
    this.tell({ type: 'tick' })
  }

  /** Requests under way are answered; nothing more is stepped. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    clearImmediate(this.#slice)
    for (const request of [...this.#waiting.keys()]) this.reply(request, refused('leaving'))
  }

  get queued(): number {
    return this.#queue.length
  }

  get dropped(): number {
    return this.#queue.dropped
  }

  get pendingRequests(): number {
    return this.#waiting.size
  }

  /** What this machine did or saw. */
  tell(event: Event): void {
    this.#queue.push(event, this.#init.clock.now())
    this.#schedule()
  }

  /** What a remote member sent, of this size. */
  receive(event: Event, bytes: number): void {
    if (this.#queue.push(event, this.#init.clock.now(), bytes)) this.#schedule()
    else this.counters.overloaded++
  }

  request(command: Command): Promise<Reply> {
    if (this.#isStopped) return Promise.resolve(refused('leaving'))
    const request = ++this.#lastRequest
    const { promise, resolve } = Promise.withResolvers<Reply>()
    this.#waiting.set(request, resolve)
    const now = this.#init.clock.now()
    if (this.#queue.push({ type: 'request-received', request, command }, now)) this.#schedule()
    else {
      this.counters.overloaded++
      this.reply(request, refused('overloaded'))
    }
    return promise
  }

  /** The first answer counts; there is only one. */
  reply(request: RequestId, reply: Reply): void {
    this.#waiting.get(request)?.(reply)
    this.#waiting.delete(request)
  }

  #schedule(): void {
    if (this.#slice !== undefined || this.#core === undefined || this.#isStopped) return
    this.#slice = setImmediate(() => this.#runSlice())
  }

  #runSlice(): void {
    const core = this.#core!
    this.#slice = undefined
    const startedAt = performance.now()
    try {
      do {
        const queued = this.#queue.shift()
        if (queued === undefined) break
        this.#step(core, queued)
      } while (!this.#isStopped && performance.now() - startedAt < sliceMs)
      this.counters.busySeconds += (performance.now() - startedAt) / 1000
      if (this.#isStopped) return
      this.#arm(core)
    } catch (error) {
      this.stop()
      return this.#init.onBug(error)
    }
    if (this.#queue.length > 0) this.#schedule()
  }

  /** Requests overtake, so an event may come with a time before the last one: time does not go back. */
  #step(core: Core, { event, bytes, at }: Queued): void {
    const now = Math.max(this.#now, at)
    this.#now = now
    this.#init.onEvent?.(event, now, bytes)
    const effects = core.step(event, now)
    this.#init.onEffects?.(effects)
    this.counters.steps++
    this.counters.effects += effects.length
    this.#init.perform(effects)
  }

  #arm(core: Core): void {
    const at = core.deadline()
    if (at === this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = at
    if (at === undefined) return
    const delayMs = Math.min(timerMaxMs, Math.max(1, at - this.#init.clock.now()))
    const dueAt = performance.now() + delayMs
    this.#timer = setTimeout(() => this.#onTimer(performance.now() - dueAt), delayMs)
  }

  #onTimer(lateByMs: number): void {
    this.#timerAt = undefined
    if (lateByMs > lateMs) {
      this.counters.lateTicks++
      this.tell({ type: 'loop-delayed', delayMs: Math.floor(lateByMs) })
    }
    this.tell({ type: 'tick' })
  }
}

function refused(code: 'leaving' | 'overloaded'): Reply {
  const details = {
    leaving: 'this node is leaving the cluster',
    overloaded: 'this node has too many requests waiting; try again, or ask another node',
  }
  const problem: Problem = { code, detail: details[code] }
  return { ok: false, problem }
}
