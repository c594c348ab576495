/**
 * What local clients ask for: each command becomes a refusal, or a write of shared records that is answered
 * once enough copies are durable. A refused command changes nothing.
 */

import { encodeCanonical } from './base/bytes.ts'
import type { JobId, Millis, RequestId } from './base/id.ts'
import { check } from './base/schema.ts'
import { SparseMap } from './base/sparse.ts'
import type { Value } from './base/value.ts'
import type { EffectSink, Notification } from './effect.ts'
import { limits } from './limits.ts'
import { type Job, jobRevision, jobVersion } from './placement/inventory.ts'
import { countSchema, type JobBody, type JobSpec, jobSchema } from './placement/job.ts'
import type { Placement } from './placement/placement.ts'
import type { Dot } from './replication/record.ts'
import type { Replica } from './replication/replica.ts'
import type { Command, Problem, ProblemCode, Reply } from './request.ts'

type Accepted = Omit<Extract<Reply, { ok: true }>, 'copies' | 'ok'>

interface Pending {
  readonly accepted: Accepted
  readonly notification: Notification | undefined
  /** Copies that the client asked for. */
  readonly asked: number | null
}

interface Waiting {
  readonly request: RequestId
  readonly command: Command
}

interface Write {
  readonly key: string
  readonly body: Value
}

/**
 * What a command comes to: a refusal, an answer that has nothing to wait for, the wish to see what is there
 * already on as many nodes as a write would be, or writes with the answer to come.
 */
type Outcome =
  | { readonly problem: Problem }
  | { readonly done: Accepted }
  | { readonly confirm: readonly string[]; readonly accepted: Accepted }
  | {
      readonly writes: readonly Write[]
      readonly notification?: Notification
      readonly accepted: (dots: readonly Dot[]) => Accepted
    }

export class Requests {
  readonly #replica: Replica
  readonly #placement: Placement
  readonly #isMember: (member: string) => boolean
  readonly #pending = new SparseMap<RequestId, Pending>()
  /** Behind a write of the same keys that is not durable yet, in order. */
  #waiting: Waiting[] = []

  constructor(init: {
    replica: Replica
    placement: Placement
    isMember: (member: string) => boolean
  }) {
    this.#replica = init.replica
    this.#placement = init.placement
    this.#isMember = init.isMember
  }

  onRequest(request: RequestId, command: Command, now: Millis, out: EffectSink): void {
    if (!this.#isBehindAnother(command)) return this.#perform(request, command, now, out)
    if (this.#waiting.length < limits.pendingWrites) this.#waiting.push({ request, command })
    else reply(request, { ok: false, problem: refusal('overloaded', tooMany) }, out)
  }

  /** Takes up what waited for a write that is settled here, and answers what has its copies. */
  settle(now: Millis, out: EffectSink): void {
    const waiting = this.#waiting
    if (waiting.length > 0) this.#waiting = []
    for (const { request, command } of waiting) this.onRequest(request, command, now, out)
    for (const { request, outcome, copies } of this.#replica.takeSettled()) {
      const pending = this.#pending.get(request)
      if (pending === undefined) continue
      this.#pending.delete(request)
      const { accepted, notification, asked } = pending
      if (outcome === 'written') {
        reply(request, { ok: true, ...accepted, copies }, out)
        if (notification) out.push({ type: 'notify', notification })
      } else if (outcome === 'too-few-copies')
        reply(request, { ok: false, problem: tooFewCopies(asked, copies) }, out)
      else reply(request, { ok: false, problem: refusal(outcome, diskRefuses) }, out)
    }
  }

  #perform(request: RequestId, command: Command, now: Millis, out: EffectSink): void {
    const outcome = this.#decide(command, now, out)
    if ('problem' in outcome) return reply(request, { ok: false, problem: outcome.problem }, out)
    if ('done' in outcome) return reply(request, { ok: true, copies: 1, ...outcome.done }, out)
    const asked = command.type === 'stop-allocation' ? null : command.copies
    if ('confirm' in outcome) {
      const refused = this.#replica.confirm(request, outcome.confirm, asked, now, out)
      if (refused) return reply(request, { ok: false, problem: refusal(refused, tooMany) }, out)
      const { accepted } = outcome
      this.#pending.set(request, { accepted, notification: undefined, asked })
      return
    }
    const proposed = this.#replica.propose(request, outcome.writes, asked, now)
    if ('refused' in proposed) {
      const { refused } = proposed
      const because = refused === 'overloaded' ? tooMany : diskRefuses
      return reply(request, { ok: false, problem: refusal(refused, because) }, out)
    }
    const { notification } = outcome
    this.#pending.set(request, {
      accepted: outcome.accepted(proposed.versions),
      notification,
      asked,
    })
  }

  /**
   * Two edits of one job at one agent at the same time: the second is judged by what the first has made of
   * it. Else both would be created, or both replace the version that their clients saw.
   */
  #isBehindAnother(command: Command): boolean {
    return keysOf(command).some((key) => this.#replica.isProposed(key))
  }

  #decide(command: Command, now: Millis, out: EffectSink): Outcome {
    switch (command.type) {
      case 'submit-job':
        return this.#submit(command, now)
      case 'scale-job':
        return this.#scale(command)
      case 'delete-job':
        return this.#delete(command)
      case 'drain-node':
        return this.#drain(command)
      case 'stop-allocation':
        return this.#stopAllocation(command.allocation, now, out)
    }
  }

  #submit(command: Extract<Command, { type: 'submit-job' }>, now: Millis): Outcome {
    const checked = check(jobSchema, command.spec)
    if (!checked.ok)
      return { problem: { ...refusal('invalid', 'the job is not valid'), issues: checked.issues } }
    const spec = checked.value
    const job = this.#placement.inventory.job(spec.id)
    const problem = submitProblem(command, spec, job) ?? this.#mismatch(command.ifMatch, job)
    if (problem !== undefined) return { problem }
    if (job !== undefined && isSame(job, spec))
      return {
        confirm: keysOfJob(spec.id),
        accepted: { created: false, id: spec.id, version: job.version },
      }
    return this.#writeSpec(spec, job, now)
  }

  #writeSpec(spec: JobSpec, job: Job | undefined, now: Millis): Outcome {
    const generation = lastGeneration(this.#replica, spec.id) + 1
    const born = job?.born ?? this.#replica.stamp(now)
    const body: JobBody = { generation, born, spec }
    const writes: Write[] = [{ key: `job/${spec.id}/spec`, body: body as unknown as Value }]
    if (encodeCanonical(writes[0]!.body).length > limits.recordBodyBytes)
      return { problem: refusal('invalid', `the job is over ${limits.recordBodyBytes} bytes`) }
    // A new job is one record: its count stands in the spec until somebody scales it.
    const countKey = `job/${spec.id}/count`
    const stands = job?.count ?? (hasValue(this.#replica, countKey) ? undefined : spec.count)
    if (stands !== spec.count) writes.push({ key: countKey, body: { count: spec.count } })
    return {
      writes,
      notification: this.#jobChanged(spec.id, job === undefined ? 'submitted' : 'updated'),
      accepted: (dots) => ({
        created: job === undefined,
        id: spec.id,
        version: jobVersion(generation, dots[0]!.author, dots[0]!.counter),
      }),
    }
  }

  #scale(command: Extract<Command, { type: 'scale-job' }>): Outcome {
    const job = this.#placement.inventory.job(command.job)
    if (job === undefined) return { problem: noSuchJob(command.job) }
    const count = check(countSchema, { count: command.count })
    if (!count.ok)
      return { problem: { ...refusal('invalid', 'the count is not valid'), issues: count.issues } }
    if (job.spec.type === 'system')
      return { problem: refusal('invalid', 'a system job runs on every node: it has no count') }
    const mismatch = this.#mismatch(command.ifMatch, job)
    if (mismatch !== undefined) return { problem: mismatch }
    const same: Accepted = { created: false, id: job.id, version: job.version }
    if (count.value.count === job.count) return { confirm: keysOfJob(job.id), accepted: same }
    return {
      writes: [{ key: `job/${job.id}/count`, body: { count: count.value.count } }],
      notification: this.#jobChanged(job.id, 'scaled'),
      accepted: () => same,
    }
  }

  #jobChanged(job: JobId, change: 'submitted' | 'updated' | 'scaled' | 'deleted'): Notification {
    return { type: 'job-changed', job, member: this.#replica.self, change }
  }

  #delete(command: Extract<Command, { type: 'delete-job' }>): Outcome {
    const job = this.#placement.inventory.job(command.job)
    if (job === undefined) return { problem: noSuchJob(command.job) }
    const mismatch = this.#mismatch(command.ifMatch, job)
    if (mismatch !== undefined) return { problem: mismatch }
    const keys = keysOfJob(job.id).filter((key) => hasValue(this.#replica, key))
    return {
      writes: keys.map((key) => ({ key, body: null })),
      notification: this.#jobChanged(job.id, 'deleted'),
      accepted: () => ({ created: false, id: job.id, version: job.version }),
    }
  }

  /** A client names the version that it saw, or, to notice a scale too, the revision. */
  #mismatch(ifMatch: string | null, job: Job | undefined): Problem | undefined {
    if (ifMatch === null || ifMatch === job?.version) return undefined
    const revision = job && jobRevision(job.version, this.#replica.get(`job/${job.id}/count`))
    if (ifMatch === revision) return undefined
    return refusal('version-mismatch', `the version is ${revision ?? 'none'}, not ${ifMatch}`)
  }

  #drain(command: Extract<Command, { type: 'drain-node' }>): Outcome {
    if (!this.#isMember(command.member))
      return { problem: refusal('not-found', `no node ${command.member}`) }
    const accepted: Accepted = { created: false, id: command.member, version: null }
    const key = drainKey(command.member)
    if (this.#placement.inventory.isDraining(command.member) === command.draining)
      return this.#replica.get(key) ? { confirm: [key], accepted } : { done: accepted }
    const body = command.draining ? { draining: true } : null
    return { writes: [{ key, body }], accepted: () => accepted }
  }

  #stopAllocation(id: string, now: Millis, out: EffectSink): Outcome {
    const placed = this.#placement.inventory.allocation(id)
    if (placed === undefined) return { problem: refusal('not-found', `no allocation ${id}`) }
    const message = { type: 'stop-request', allocation: id, reason: 'stopped by a user' } as const
    if (this.#replica.self === placed.member)
      this.#placement.host.onStopRequest(placed.member, message, now, out)
    else out.push({ type: 'send', to: placed.member, message })
    return { done: { created: false, id, version: null } }
  }
}

function submitProblem(
  command: Extract<Command, { type: 'submit-job' }>,
  spec: JobSpec,
  job: Job | undefined,
): Problem | undefined {
  if (command.mode === 'replace' && job === undefined) return noSuchJob(spec.id)
  if (command.mode === 'create' && job !== undefined && !isSame(job, spec))
    return refusal(
      'exists',
      `job ${spec.id} exists at version ${job.version}, with another content`,
    )
  return undefined
}

/** The count of a spec is what the job has been scaled to since. */
function isSame(job: Job, spec: JobSpec): boolean {
  return job.count === spec.count && sameValue({ ...job.spec, count: spec.count }, spec)
}

const diskRefuses = 'the disk of this node refuses writes (is it full?); nothing was changed'
const tooMany = 'too many writes await their copies; nothing was changed, try again soon'

/** The write stays: whoever can be reached later gets it too. */
function tooFewCopies(asked: number | null, copies: number): Problem {
  const reached = copies === 1 ? '1 node has' : `${copies} nodes have`
  const detail = `${reached} the write, not the ${asked ?? 1} asked for: no more answered in time`
  return { code: 'too-few-copies', detail: `${detail}; it is kept, and may still spread`, copies }
}

/** What a command is about to read and write. */
function keysOf(command: Command): readonly string[] {
  switch (command.type) {
    case 'submit-job': {
      const { id } = (command.spec ?? {}) as { readonly id?: unknown }
      return typeof id === 'string' ? keysOfJob(id) : []
    }
    case 'scale-job':
    case 'delete-job':
      return keysOfJob(command.job)
    case 'drain-node':
      return [drainKey(command.member)]
    case 'stop-allocation':
      return []
  }
}

function keysOfJob(id: string): readonly string[] {
  return [`job/${id}/spec`, `job/${id}/count`]
}

function hasValue(replica: Replica, key: string): boolean {
  return (replica.get(key)?.body ?? null) !== null
}

function drainKey(member: string): string {
  return `drain/${member}`
}

function refusal(code: ProblemCode, detail: string): Problem {
  return { code, detail }
}

function noSuchJob(id: string): Problem {
  return refusal('not-found', `no job ${id}`)
}

/** Deleted versions count on, so that a job's versions never repeat. */
function lastGeneration(replica: Replica, id: string): number {
  const bodies = replica.versions(`job/${id}/spec`).map((record) => record.body as JobBody | null)
  return Math.max(0, ...bodies.map((body) => body?.generation ?? 0))
}

function sameValue(a: unknown, b: unknown): boolean {
  const [one, other] = [encodeCanonical(a as Value), encodeCanonical(b as Value)]
  return one.length === other.length && one.every((byte, i) => byte === other[i])
}

function reply(request: RequestId, answer: Reply, out: EffectSink): void {
  out.push({ type: 'reply', request, reply: answer })
}
