/**
 * What local clients ask for: each command becomes a refusal, or a write of shared records that is answered
 * once enough copies are durable. A refused command changes nothing.
 */
import { encodeCanonical } from './base/bytes.ts'
import type { JobId, Millis, RequestId } from './base/id.ts'
import { check } from './base/schema.ts'
import type { Value } from './base/value.ts'
import type { EffectSink, Notification } from './effect.ts'
import { limits } from './limits.ts'
import { type Job, jobVersion } from './placement/inventory.ts'
import { countSchema, type JobBody, type JobSpec, jobSchema } from './placement/job.ts'
import type { Placement } from './placement/placement.ts'
import type { Dot } from './replication/record.ts'
import type { Replica } from './replication/replica.ts'
import type { Command, Problem, ProblemCode, Reply } from './request.ts'

type Accepted = Omit<Extract<Reply, { ok: true }>, 'copies' | 'ok'>

interface Pending {
  readonly accepted: Accepted
  readonly notification: Notification | undefined
}

interface Write {
  readonly key: string
  readonly body: Value
}

/** What a command comes to: a refusal, an answer without a write, or writes with the answer to come. */
type Outcome =
  | { readonly problem: Problem }
  | { readonly done: Accepted }
  | {
      readonly writes: readonly Write[]
      readonly notification?: Notification
      readonly accepted: (dots: readonly Dot[]) => Accepted
    }

export class Requests {
  readonly #replica: Replica
  readonly #placement: Placement
  readonly #isMember: (member: string) => boolean
  readonly #pending = new Map<RequestId, Pending>()

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
    const outcome = this.#decide(command, now, out)
    if ('problem' in outcome) return reply(request, { ok: false, problem: outcome.problem }, out)
    if ('done' in outcome) return reply(request, { ok: true, copies: 1, ...outcome.done }, out)
    const copies = command.type === 'stop-allocation' ? null : command.copies
    const proposed = this.#replica.propose(request, outcome.writes, copies, now)
    if ('refused' in proposed) {
      const problem = refusal(proposed.refused, refusedBecause[proposed.refused])
      return reply(request, { ok: false, problem }, out)
    }
    this.#pending.set(request, {
      accepted: outcome.accepted(proposed.versions),
      notification: outcome.notification,
    })
  }

  /** Answers what the replica has settled. */
  settle(out: EffectSink): void {
    for (const { request, outcome, copies } of this.#replica.takeSettled()) {
      const pending = this.#pending.get(request)
      if (pending === undefined) continue
      this.#pending.delete(request)
      if (outcome === 'written') {
        reply(request, { ok: true, ...pending.accepted, copies }, out)
        if (pending.notification) out.push({ type: 'notify', notification: pending.notification })
      } else if (outcome === 'too-few-copies') {
        const detail = `the write is on ${copies} node(s), fewer than asked for; it may still spread`
        reply(request, { ok: false, problem: { code: outcome, detail, copies } }, out)
      } else reply(request, { ok: false, problem: refusal(outcome, refusedBecause[outcome]) }, out)
    }
  }

  #decide(command: Command, now: Millis, out: EffectSink): Outcome {
    switch (command.type) {
      case 'submit-job':
        return this.#submit(command)
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

  #submit(command: Extract<Command, { type: 'submit-job' }>): Outcome {
    const checked = check(jobSchema, command.spec)
    if (!checked.ok)
      return { problem: { ...refusal('invalid', 'the job is not valid'), issues: checked.issues } }
    const spec = checked.value
    const job = this.#placement.inventory.job(spec.id)
    const problem = submitProblem(command, spec, job)
    if (problem !== undefined) return { problem }
    if (job !== undefined && sameValue(job.spec, spec) && job.count === spec.count)
      return { done: { created: false, id: spec.id, version: job.version } }
    return this.#writeSpec(spec, job)
  }

  #writeSpec(spec: JobSpec, job: Job | undefined): Outcome {
    const generation = lastGeneration(this.#replica, spec.id) + 1
    const body: JobBody = { generation, spec }
    const writes: Write[] = [{ key: `job/${spec.id}/spec`, body: body as unknown as Value }]
    if (encodeCanonical(writes[0]!.body).length > limits.recordBodyBytes)
      return { problem: refusal('invalid', `the job is over ${limits.recordBodyBytes} bytes`) }
    if (job?.count !== spec.count)
      writes.push({ key: `job/${spec.id}/count`, body: { count: spec.count } })
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
    const mismatch = versionProblem(command.ifMatch, job)
    if (mismatch !== undefined) return { problem: mismatch }
    const same: Accepted = { created: false, id: job.id, version: job.version }
    if (count.value.count === job.count) return { done: same }
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
    const mismatch = versionProblem(command.ifMatch, job)
    if (mismatch !== undefined) return { problem: mismatch }
    return {
      writes: [
        { key: `job/${job.id}/spec`, body: null },
        { key: `job/${job.id}/count`, body: null },
      ],
      notification: this.#jobChanged(job.id, 'deleted'),
      accepted: () => ({ created: false, id: job.id, version: job.version }),
    }
  }

  #drain(command: Extract<Command, { type: 'drain-node' }>): Outcome {
    if (!this.#isMember(command.member))
      return { problem: refusal('not-found', `no node ${command.member}`) }
    const accepted: Accepted = { created: false, id: command.member, version: null }
    if (this.#placement.inventory.isDraining(command.member) === command.draining)
      return { done: accepted }
    const body = command.draining ? { draining: true } : null
    return { writes: [{ key: `drain/${command.member}`, body }], accepted: () => accepted }
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
  const differs = job !== undefined && !(sameValue(job.spec, spec) && job.count === spec.count)
  if (command.mode === 'create' && differs)
    return refusal(
      'exists',
      `job ${spec.id} exists at version ${job.version}, with another content`,
    )
  return versionProblem(command.ifMatch, job)
}

function versionProblem(ifMatch: string | null, job: Job | undefined): Problem | undefined {
  if (ifMatch === null || ifMatch === job?.version) return undefined
  return refusal('version-mismatch', `the version is ${job?.version ?? 'none'}, not ${ifMatch}`)
}

const refusedBecause: { readonly [code in 'storage-failed' | 'overloaded']: string } = {
  'storage-failed': 'the disk of this node refuses writes (is it full?); nothing was changed',
  overloaded: 'too many writes await their copies; nothing was changed, try again soon',
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
