/**
 * One allocation of ours on its way through its life. It is driven by state, not by steps: each thing that
 * happens is noted, then `advance` asks the world for whatever the state now lacks. So the order in which
 * answers come does not matter, and asking twice for the same thing cannot happen.
 *
 * It goes on until it has a `goal` to stop; then it ends when surely nothing of it runs, and not before: its
 * resources are counted until then, which is what keeps the node within its capacity.
 */
import { earliest } from '../base/deadline.ts'
import type { EffectId, Millis } from '../base/id.ts'
import type { EffectSink } from '../effect.ts'
import type { EffectFailed, ObservedTask } from '../event.ts'
import { type AllocationBody, isEnded } from './allocation.ts'
import { finalOf, type Goal, stoppedFor } from './goal.ts'
import { allPass, reported } from './health.ts'
import { durationMs, type JobSpec } from './job.ts'
import { neverRestart, restartPolicy, stopRetryAfterMs } from './restart.ts'
import { failedCheck, isDone, isRunning, momentsOf } from './task-due.ts'
import {
  adopted,
  type EndRule,
  ended,
  type Kind,
  settled,
  startAsked,
  started,
  startPutOff,
  startUnknown,
  stopAnswered,
  stopAsked,
  stopFailed,
  type TaskRun,
  taskOf,
} from './task-state.ts'

/** What a run needs of its host to act. `issue` names an effect and remembers whose it is. */
export interface Acting {
  readonly now: Millis
  readonly out: EffectSink
  issue(): EffectId
}

/** The driver refused an effect only because the disk did: again soon. */
const notDurableRetryMs = 1000
/** For a task of a version that is no longer known: the default of a job. */
const stopGraceDefaultMs = 10_000
const unknownVersion = 'its version of the job is no longer known here'

type FoundTasks = ReadonlyMap<string, ObservedTask>

export class AllocationRun {
  #spec: JobSpec | undefined
  #body: AllocationBody
  #tasks: TaskRun[]
  #ports: 'none' | 'asked' | 'held' = 'none'
  #portsId: EffectId | null = null
  #portsRetryAt: Millis | null = null
  #goal: Goal | undefined
  #wasUp: boolean
  /** Health is awaited from then on; the healthy deadline counts from there. */
  #awaitedSince: Millis
  #wasHealthy: boolean

  constructor(body: AllocationBody, spec: JobSpec | undefined, now: Millis) {
    this.#spec = spec
    this.#body = body
    this.#tasks = body.tasks.map((status) =>
      taskOf(
        spec?.tasks.find((task) => task.name === status.name),
        status,
      ),
    )
    this.#wasUp = body.state === 'running'
    this.#wasHealthy = body.healthy
    this.#awaitedSince = now
    if (body.state === 'stopping') this.#goal = { final: finalOf(body), reason: body.reason }
  }

  /** As it is to be written: another object whenever something changed. */
  get body(): AllocationBody {
    return this.#body
  }

  get spec(): JobSpec | undefined {
    return this.#spec
  }

  get hasEnded(): boolean {
    return isEnded(this.#body.state)
  }

  get isStopping(): boolean {
    return this.#goal !== undefined
  }

  /** Whether all of it runs is not known yet. */
  get isAwaited(): boolean {
    return this.#tasks.some((run) => run.isUnobserved)
  }

  /** An edit of the job that leaves its allocations in place. */
  useSpec(spec: JobSpec): void {
    this.#spec = spec
  }

  /**
   * The first goal stays: what has failed does not complete because it was asked to stop as well. Nor does a
   * batch, of which `complete` says that its work is done.
   */
  stop(goal: Goal): void {
    if (this.#goal !== undefined || this.hasEnded) return
    this.#goal = { ...goal, final: this.#isBatch ? 'failed' : goal.final }
  }

  /** The runtime must be told again what it may have missed while the disk refused writes. */
  repeatWatches(): void {
    this.#tasks = this.#tasks.map((run) => ({ ...run, isWatched: false }))
  }

  /** What was found of it when the agent came back. */
  adopt(found: FoundTasks, unanswered: readonly Kind[], { now, out }: Acting): void {
    const facts = { wasHealthy: this.#body.healthy, unanswered, now }
    this.#tasks = this.#tasks.map((run) =>
      adopted(run, found.get(run.status.name), this.#endRule(), facts),
    )
    const running = [...found.values()].find((task) => task.running)
    if (running !== undefined || this.isAwaited) {
      this.#ports = 'held'
      this.#learnPorts(running?.ports ?? {})
    } else if (Object.keys(this.#body.ports).length > 0) {
      // Nothing holds them any more; asked for again, with the numbers that others know.
      this.#ports = 'none'
      out.push({ type: 'release-ports', allocation: this.#body.id })
    }
    if (this.#body.state === 'pending' && running !== undefined) this.#change({ state: 'starting' })
  }

  onPortsReserved(id: EffectId, ports: { readonly [name: string]: number }): void {
    if (this.#portsId !== id) return
    this.#portsId = null
    this.#ports = 'held'
    this.#learnPorts(ports)
  }

  onTaskStarted(id: EffectId, found: Pick<ObservedTask, 'pid' | 'containerId'>, now: Millis): void {
    this.#update(
      (run) => run.starting === id,
      (run) => {
        const running = started(run, found, now)
        return run.earlyExit === null ? running : this.#ended(running, run.earlyExit, now)
      },
    )
  }

  onTaskStopped(id: EffectId, exitCode: number | null, now: Millis): void {
    this.#update(
      (run) => run.stopping === id,
      (run) => {
        const stopped = stopAnswered(run, exitCode)
        const cause = run.restartCause
        if (stopped.mayRun || this.#goal !== undefined || cause === null) return stopped
        return this.#ended(stopped, { exitCode: stopped.status.exitCode, reason: cause }, now)
      },
    )
  }

  onTaskExited(task: string, exitCode: number | null, reason: string, now: Millis): void {
    this.#update(
      (run) => run.status.name === task,
      (run) => {
        if (run.stopping !== null) return { ...run, status: { ...run.status, exitCode } }
        if (run.starting !== null) return { ...run, earlyExit: { exitCode, reason } }
        if (run.status.state !== 'running') return run
        return this.#ended(run, { exitCode, reason }, now)
      },
    )
  }

  onCheckReported(task: string, check: number, passing: boolean): void {
    this.#update(
      (run) => run.status.name === task && run.status.state === 'running' && check in run.checks,
      (run) => ({ ...run, checks: run.checks.with(check, reported(run.checks[check]!, passing)) }),
    )
  }

  onEffectFailed(event: EffectFailed, now: Millis): void {
    if (this.#portsId === event.id) return this.#onPortsRefused(event, now)
    this.#update(
      (run) => run.starting === event.id,
      (run) => this.#startFailed(run, event, now),
    )
    this.#update(
      (run) => run.stopping === event.id,
      (run) => stopFailed(run, now + stopRetryAfterMs(run.stopFailures)),
    )
  }

  /** Asks for what the state lacks. */
  advance(acting: Acting): void {
    if (this.hasEnded) return
    if (!this.#isInTime(acting.now)) this.stop({ final: 'failed', reason: 'not healthy in time' })
    if (this.#goal === undefined) this.#goOn(acting)
    if (this.#goal !== undefined) this.#windDown(this.#goal, acting)
    this.#describe()
  }

  deadline(): Millis | undefined {
    if (this.hasEnded) return undefined
    const isStopping = this.#goal !== undefined
    const isWaitingForPorts = this.#portsId !== null || this.#portsRetryAt !== null
    if (isWaitingForPorts && !isStopping)
      return earliest(this.#portsRetryAt ?? undefined, this.#healthyBy())
    const moments = this.#tasks.flatMap((run) => momentsOf(run, isStopping))
    return earliest(this.#healthyBy(), ...moments)
  }

  #goOn(acting: Acting): void {
    if (!this.#reservePorts(acting)) return
    if (this.#body.state === 'pending') this.#change({ state: 'starting' })
    this.#tasks = this.#tasks.map((run) => this.#drive(run, acting))
    const givenUp = this.#tasks.find((run) => run.hasGivenUp)
    if (givenUp !== undefined) {
      const { name, reason } = givenUp.status
      return this.stop({ final: 'failed', reason: `${name}: ${reason ?? 'gave up'}` })
    }
    if (this.#tasks.every(isDone)) this.#end({ final: 'complete', reason: null }, acting)
    else this.#noteUp(acting.now)
  }

  /** True when the tasks may start. */
  #reservePorts(acting: Acting): boolean {
    if (this.#ports === 'held') return true
    const wanted = wantedPorts(this.#spec, this.#body)
    if (wanted.length === 0) return true
    if (this.#portsId !== null) return false
    if (this.#portsRetryAt !== null && acting.now < this.#portsRetryAt) return false
    this.#portsRetryAt = null
    this.#portsId = acting.issue()
    this.#ports = 'asked'
    const allocation = this.#body.id
    acting.out.push({ type: 'reserve-ports', id: this.#portsId, allocation, ports: wanted })
    return false
  }

  #drive(run: TaskRun, acting: Acting): TaskRun {
    if (run.starting !== null || run.stopping !== null) return run
    if (run.retryAt !== null && acting.now < run.retryAt) return run
    const { state } = run.status
    if (state === 'pending' || state === 'backing-off') return this.#start(run, acting)
    if (!run.mayRun) return run
    const cause = run.restartCause ?? failedCheck(run, acting.now)
    if (cause !== null) return this.#askStop({ ...run, restartCause: cause }, acting)
    return this.#watch(run, acting)
  }

  #start(run: TaskRun, { now, out, issue }: Acting): TaskRun {
    const spec = this.#spec
    if (spec === undefined || run.spec === undefined)
      return ended(run, { exitCode: null, reason: unknownVersion }, this.#endRule(), now)
    const id = issue()
    const { id: allocation, job, slot, ports } = this.#body
    out.push({ type: 'start-task', id, allocation, job, slot, task: run.spec, ports })
    return startAsked(run, id)
  }

  #watch(run: TaskRun, { out }: Acting): TaskRun {
    if (run.isWatched || run.checks.length === 0 || run.spec === undefined) return run
    const { id: allocation, ports } = this.#body
    out.push({ type: 'watch-checks', allocation, task: run.spec, ports })
    return { ...run, isWatched: true }
  }

  #unwatch(run: TaskRun, out: EffectSink): TaskRun {
    if (!run.isWatched) return run
    out.push({ type: 'unwatch-checks', allocation: this.#body.id, task: run.status.name })
    return { ...run, isWatched: false }
  }

  #askStop(run: TaskRun, { out, issue }: Acting): TaskRun {
    const unwatched = this.#unwatch(run, out)
    const id = issue()
    const graceMs = run.spec === undefined ? stopGraceDefaultMs : durationMs(run.spec.stopGrace)
    const task = run.status.name
    out.push({ type: 'stop-task', id, allocation: this.#body.id, task, graceMs })
    return stopAsked(unwatched, id)
  }

  #windDown(goal: Goal, acting: Acting): void {
    this.#tasks = this.#tasks.map((run) => this.#stopTask(run, goal, acting))
    if (this.#isBatch && this.#tasks.every(isDone))
      return this.#end({ final: 'complete', reason: null }, acting)
    const isQuiet = this.#tasks.every((run) => !run.mayRun && run.stopping === null)
    if (isQuiet && this.#portsId === null) this.#end(goal, acting)
    else if (this.#body.state !== 'stopping')
      this.#change({ state: 'stopping', reason: goal.reason })
  }

  #stopTask(run: TaskRun, goal: Goal, acting: Acting): TaskRun {
    if (run.stopping !== null) return run
    if (!run.mayRun) return run.status.state === 'exited' ? run : stoppedFor(goal, run)
    if (run.wasStopAsked) return run
    if (run.retryAt !== null && acting.now < run.retryAt) return run
    return this.#askStop(run, acting)
  }

  #end(goal: Goal, { out }: Acting): void {
    this.#tasks = this.#tasks.map((run) => this.#unwatch(run, out))
    const allocation = this.#body.id
    if (this.#ports !== 'none') out.push({ type: 'release-ports', allocation })
    this.#change({ state: goal.final, reason: goal.reason, healthy: false })
  }

  #noteUp(now: Millis): void {
    const isUp = this.#tasks.every((run) => isDone(run) || isRunning(run))
    if (isUp && !this.#wasUp) this.#change({ state: 'running', runningSince: now })
    this.#wasUp = isUp
  }

  #isHealthy(): boolean {
    if (this.#body.state !== 'running' || this.#goal !== undefined) return false
    return this.#tasks.every((run) => isDone(run) || (isRunning(run) && allPass(run.checks)))
  }

  /** A service that has never been healthy by then has failed; the others have all the time they need. */
  #healthyBy(): Millis | undefined {
    if (this.#spec?.type !== 'service' || this.#wasHealthy || this.#goal !== undefined) return
    return this.#awaitedSince + durationMs(this.#spec.update.healthyDeadline)
  }

  #isInTime(now: Millis): boolean {
    const healthyBy = this.#healthyBy()
    return healthyBy === undefined || now < healthyBy || this.#isHealthy()
  }

  #onPortsRefused({ code, detail }: EffectFailed, now: Millis): void {
    this.#portsId = null
    if (code === 'not-durable') this.#portsRetryAt = now + notDurableRetryMs
    else this.stop({ final: 'failed', reason: `ports: ${detail}` })
  }

  #startFailed(run: TaskRun, { code, detail, definite }: EffectFailed, now: Millis): TaskRun {
    if (code === 'not-durable') return startPutOff(run, now + notDurableRetryMs)
    if (!definite) return startUnknown(run, detail)
    const end = { exitCode: null, reason: detail }
    return this.#ended({ ...run, starting: null, wasStopAsked: false }, end, now)
  }

  /** While it stops nothing is started again, and nothing counts as a failure. */
  #ended(run: TaskRun, end: { exitCode: number | null; reason: string }, now: Millis): TaskRun {
    if (this.#goal === undefined) return ended(run, end, this.#endRule(), now)
    return this.#isBatch && end.exitCode === 0
      ? settled(run, 0, null)
      : stoppedFor(this.#goal, run, end.exitCode)
  }

  #endRule(): EndRule {
    const spec = this.#spec
    if (spec === undefined) return { isBatch: false, restart: neverRestart }
    return { isBatch: this.#isBatch, restart: restartPolicy(spec) }
  }

  get #isBatch(): boolean {
    return this.#spec?.type === 'batch'
  }

  #update(isMeant: (run: TaskRun) => boolean, change: (run: TaskRun) => TaskRun): void {
    this.#tasks = this.#tasks.map((run) => (isMeant(run) ? change(run) : run))
  }

  /** Brings the body up to date with the tasks; the same object where nothing differs. */
  #describe(): void {
    const healthy = this.#isHealthy()
    if (healthy) this.#wasHealthy = true
    if (healthy !== this.#body.healthy) this.#change({ healthy })
    const isSame = this.#tasks.every((run, i) => run.status === this.#body.tasks[i])
    if (!isSame) this.#change({ tasks: this.#tasks.map((run) => run.status) })
  }

  #learnPorts(ports: AllocationBody['ports']): void {
    const held = this.#body.ports
    const isNews = Object.entries(ports).some(([name, port]) => held[name] !== port)
    if (isNews) this.#change({ ports: { ...held, ...ports } })
  }

  #change(change: Partial<AllocationBody>): void {
    this.#body = { ...this.#body, ...change }
  }
}

function wantedPorts(
  spec: JobSpec | undefined,
  { ports }: AllocationBody,
): { name: string; host: number | null }[] {
  const wanted = spec?.tasks.flatMap((task) => task.ports) ?? []
  return wanted.map(({ name, host }) => ({ name, host: ports[name] ?? host ?? null }))
}
