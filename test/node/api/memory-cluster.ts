/**
 * A whole cluster in memory, small but real: jobs are checked and versioned as by the core, each slot runs at
 * once on the next node, and every node has a Backend that sees it all.
 */
import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import type { AgentEvent } from '../../../node/api/backend.ts'
import type { TaskRef } from '../../../node/runtime/runtime.ts'
import type { MemberId } from '../../../protocol/base/id.ts'
import { check } from '../../../protocol/base/schema.ts'
import type { Notification } from '../../../protocol/effect.ts'
import type { MemberState } from '../../../protocol/membership/member.ts'
import { type JobSpec, jobSchema, slotResources } from '../../../protocol/placement/job.ts'
import { noResources } from '../../../protocol/placement/resources.ts'
import type { Command, ProblemCode, Reply } from '../../../protocol/request.ts'
import type { AllocationView, HistoryEntry, NodeView } from '../../../protocol/view.ts'

interface StoredJob {
  spec: JobSpec
  count: number
  generation: number
}

type Submission = Extract<Command, { type: 'submit-job' }>

export class MemoryCluster {
  readonly jobs = new Map<string, StoredJob>()
  readonly history = new Map<string, HistoryEntry[]>()
  readonly allocations = new Map<string, AllocationView>()
  readonly nodes: NodeView[]
  readonly output = new Map<string, string[]>()
  readonly written = new EventEmitter()
  readonly events = new EventEmitter()
  /** The DHT's answer. */
  readonly providers = new Map<string, MemberId[]>()
  /** Streams to a member's API. */
  readonly doors = new Map<MemberId, () => Promise<Duplex>>()
  /** Every write is refused with this while it is set. */
  failing: { code: ProblemCode; detail: string; copies?: number } | undefined
  copies = 1
  #eventId = 0
  #allocated = 0

  constructor(names: readonly string[]) {
    this.written.setMaxListeners(0)
    this.events.setMaxListeners(0)
    this.nodes = names.map((name) => nodeNamed(name))
  }

  notify(notification: Notification): void {
    this.#eventId++
    const event: AgentEvent = { id: this.#eventId, at: 1_700_000_000_000, notification }
    this.events.emit('event', event)
  }

  setState(name: string, state: MemberState): void {
    const node = this.nodes.find((each) => each.body?.name === name)!
    node.state = state
  }

  write(ref: TaskRef, line: string): void {
    const key = `${ref.allocation}/${ref.task}`
    this.output.set(key, [...(this.output.get(key) ?? []), `${line}\n`])
    this.written.emit(key)
  }

  request(command: Command): Reply {
    if (this.failing !== undefined) return { ok: false, problem: this.failing }
    switch (command.type) {
      case 'submit-job':
        return this.#submit(command)
      case 'scale-job':
        return this.#scale(command.job, command.count, command.ifMatch)
      case 'delete-job':
        return this.#delete(command.job, command.ifMatch)
      case 'drain-node': {
        const node = this.nodes.find((each) => each.id === command.member)
        if (node === undefined) return refused('not-found', `no node ${command.member}`)
        node.draining = command.draining
        return this.#written(node.id, null)
      }
      case 'stop-allocation': {
        const found = this.allocations.get(command.allocation)
        if (found === undefined) return refused('not-found', `no allocation ${command.allocation}`)
        this.#end(found)
        return this.#written(command.allocation, null)
      }
    }
  }

  versionOf(id: string): string | undefined {
    const job = this.jobs.get(id)
    return job && `${job.generation}-0000abcd`
  }

  #submit({ spec: given, mode, ifMatch, copies }: Submission): Reply {
    const checked = check(jobSchema, given)
    if (!checked.ok) {
      const problem = { code: 'invalid', detail: 'the job is not valid', issues: checked.issues }
      return { ok: false, problem: problem as Extract<Reply, { ok: false }>['problem'] }
    }
    const spec = checked.value
    const job = this.jobs.get(spec.id)
    const same = job !== undefined && JSON.stringify(job.spec) === JSON.stringify(spec)
    if (mode === 'replace' && job === undefined) return refused('not-found', `no job ${spec.id}`)
    if (mode === 'create' && job !== undefined && !same)
      return refused('exists', `job ${spec.id} exists with another content`)
    const mismatch = this.#mismatch(spec.id, ifMatch)
    if (mismatch !== undefined) return mismatch
    if (same) return this.#written(spec.id, this.versionOf(spec.id)!)
    this.jobs.set(spec.id, { spec, count: spec.count, generation: (job?.generation ?? 0) + 1 })
    this.#remember(spec.id, 'spec', spec)
    this.#stopAll(spec.id)
    this.#place(spec.id)
    const change = job === undefined ? 'submitted' : 'updated'
    this.notify({ type: 'job-changed', job: spec.id, member: memberNamed('n1'), change })
    const version = this.versionOf(spec.id)!
    return {
      ok: true,
      created: job === undefined,
      id: spec.id,
      version,
      copies: copies ?? this.copies,
    }
  }

  #scale(id: string, count: unknown, ifMatch: string | null): Reply {
    const job = this.jobs.get(id)
    if (job === undefined) return refused('not-found', `no job ${id}`)
    if (typeof count !== 'number' || count < 0) {
      const issues = [{ path: 'count', message: 'must be at least 0' }]
      return { ok: false, problem: { code: 'invalid', detail: 'the count is not valid', issues } }
    }
    const mismatch = this.#mismatch(id, ifMatch)
    if (mismatch !== undefined) return mismatch
    job.count = count
    this.#remember(id, 'count', count)
    this.#place(id)
    return this.#written(id, this.versionOf(id)!)
  }

  #delete(id: string, ifMatch: string | null): Reply {
    if (!this.jobs.has(id)) return refused('not-found', `no job ${id}`)
    const mismatch = this.#mismatch(id, ifMatch)
    if (mismatch !== undefined) return mismatch
    const version = this.versionOf(id)!
    this.jobs.delete(id)
    this.#remember(id, 'spec', null)
    this.#stopAll(id)
    return this.#written(id, version)
  }

  #mismatch(id: string, ifMatch: string | null): Reply | undefined {
    const version = this.versionOf(id)
    if (ifMatch === null || ifMatch.split('+')[0] === version) return undefined
    return refused('version-mismatch', `the version is ${version ?? 'none'}, not ${ifMatch}`)
  }

  #written(id: string, version: string | null): Reply {
    return { ok: true, created: false, id, version, copies: this.copies }
  }

  #remember(id: string, field: 'spec' | 'count', value: unknown): void {
    const earlier = this.history.get(id) ?? []
    for (const entry of earlier) if (entry.field === field) entry.outcome = 'replaced'
    const version = this.versionOf(id) ?? '0-00000000'
    const author = this.nodes[0]!.id
    const at = 1_700_000_000_000
    const entry: HistoryEntry = {
      field,
      version,
      author,
      stamp: at * 4096,
      at,
      outcome: 'current',
      value,
    }
    this.history.set(id, [entry, ...earlier])
  }

  #stopAll(id: string): void {
    for (const each of this.allocations.values()) if (each.body.job === id) this.#end(each)
  }

  #end(allocation: AllocationView): void {
    const { body } = allocation
    const ended = { ...body, state: 'complete' as const, healthy: false }
    this.allocations.set(body.id, { ...allocation, state: 'complete', body: ended })
  }

  #place(id: string): void {
    const { spec, count } = this.jobs.get(id)!
    const live = this.liveOf(id)
    for (const each of live.filter(({ body }) => body.slot >= count)) this.#end(each)
    const taken = new Set(live.map(({ body }) => body.slot))
    for (let slot = 0; slot < count; slot++) if (!taken.has(slot)) this.#start(spec, slot)
  }

  #start(spec: JobSpec, slot: number): void {
    const { id: member } = this.nodes[slot % this.nodes.length]!
    const number = this.#allocated++
    const id = `${spec.id}.${slot}.${number.toString(16).padStart(8, '0')}`
    const names = spec.tasks.flatMap((task) => task.ports.map((port) => port.name))
    const body: AllocationView['body'] = {
      id,
      job: spec.id,
      slot,
      version: this.versionOf(spec.id)!,
      essence: '',
      state: 'running',
      healthy: true,
      resources: slotResources(spec),
      ports: Object.fromEntries(names.map((name, i) => [name, 20_000 + 100 * number + i])),
      tasks: spec.tasks.map(({ name }) => ({
        name,
        state: 'running',
        restarts: 0,
        startedAt: 1_700_000_000_000,
        pid: 4242,
        containerId: null,
        exitCode: null,
        reason: null,
      })),
      createdStamp: (1_700_000_000_000 + number) * 4096,
      runningSince: 1_700_000_000_000,
      reason: null,
      failures: 0,
    }
    this.allocations.set(id, { member, state: 'running', body })
    this.notify({
      type: 'allocation-changed',
      allocation: id,
      job: spec.id,
      member,
      state: 'running',
      healthy: true,
      reason: null,
    })
  }

  liveOf(id: string): AllocationView[] {
    const all = [...this.allocations.values()]
    return all.filter(({ state, body }) => body.job === id && state === 'running')
  }
}

function refused(code: ProblemCode, detail: string): Reply {
  return { ok: false, problem: { code, detail } }
}

/** Ids that look like the real ones: a long common beginning. */
export function memberNamed(name: string): MemberId {
  return `12D3KooWTestTestTestTestTestTestTestTestTestTest${name}`
}

function nodeNamed(name: string): NodeView {
  const capacity = { cpu: 4000, memory: 8192, disk: 100_000, gpu: 0 }
  return {
    id: memberNamed(name),
    state: 'alive',
    incarnation: 1,
    draining: false,
    body: {
      name,
      addresses: ['/ip4/127.0.0.1/tcp/4601'],
      labels: { zone: 'a' },
      capacity,
      runtimes: ['process'],
      host: '127.0.0.1',
      version: '0.1.0',
      awayUntil: null,
    },
    committed: noResources,
    used: { ...noResources, cpu: 120, memory: 300 },
    linked: true,
  }
}
