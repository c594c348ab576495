/** What one member tells of the cluster: system jobs by their nodes, and tasks whose agent is only away. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MemberId } from '../../protocol/base/id.ts'
import { check } from '../../protocol/base/schema.ts'
import type { Value } from '../../protocol/base/value.ts'
import { defaultConfig } from '../../protocol/config.ts'
import { type Core, createCore } from '../../protocol/core.ts'
import type { Event } from '../../protocol/event.ts'
import type { MemberState } from '../../protocol/membership/member.ts'
import { jobVersion } from '../../protocol/placement/inventory.ts'
import { jobSchema } from '../../protocol/placement/job.ts'
import type { NodeBody } from '../../protocol/placement/node-body.ts'
import { signRecord } from '../../protocol/replication/signature.ts'
import { node } from './placement/machine.ts'
import { toySeal } from './replication/kit.ts'

const view = suite('cluster-view')
const startMs = 1_700_000_000_000

/** Member a, which hears what the others write and say. */
class Listener {
  readonly core: Core
  #now = startMs
  #counter = 0

  constructor() {
    const init = { config: defaultConfig, self: 'a', seed: 1, seal: toySeal('a'), journal: [] }
    this.core = createCore({ ...init, node: node({ name: 'a' }) })
    const [persist] = this.core.step({ type: 'tick' }, this.#now)
    assert.is(persist?.type, 'persist')
    if (persist?.type === 'persist') this.#step({ type: 'persisted', id: persist.id })
  }

  member(from: MemberId, body: Partial<NodeBody> = {}): void {
    const join = { type: 'join', incarnation: 1, digest: '', isNew: false } as const
    this.#step({ type: 'message-received', from, message: join })
    this.write(from, `node/${from}`, { ...node({ name: from, ...body }) } as never)
  }

  becomes(member: MemberId, state: MemberState): void {
    const updates = [{ member, incarnation: 1, state }]
    this.#step({ type: 'message-received', from: 'z', message: { type: 'claim', updates } })
  }

  /** Answers with the counter of the write. */
  write(author: MemberId, key: string, body: Value): number {
    const counter = ++this.#counter
    const fields = { author, counter, key, stamp: this.#now * 4096, replaces: null, body }
    const records = [signRecord(fields, toySeal(author))]
    const message = { type: 'replicate', id: counter, records } as const
    this.#step({ type: 'message-received', from: author, message: { ...message, records } })
    return counter
  }

  /** Answers with its version. */
  job(author: MemberId, job: object): string {
    const checked = check(jobSchema, job)
    if (!checked.ok) throw new Error('the job is not valid')
    const { id } = checked.value
    return jobVersion(
      1,
      author,
      this.write(author, `job/${id}/spec`, { generation: 1, spec: checked.value } as never),
    )
  }

  runs(member: MemberId, job: string, slot: number, version: string): string {
    const id = `${job}.${slot}.0000000${member.charCodeAt(0) % 10}`
    const state = {
      state: 'running',
      healthy: true,
      runningSince: this.#now,
      ports: { http: 8080 },
    }
    const resources = { cpu: 1, memory: 1, disk: 0, gpu: 0 }
    const rest = { tasks: [], createdStamp: this.#now * 4096, reason: null, failures: 0 }
    const body = { id, job, slot, version, resources, ...state, ...rest }
    this.write(member, `alloc/${member}/${id}`, body)
    return id
  }

  #step(event: Event): void {
    this.#now += 1
    this.core.step(event, this.#now)
  }
}

const tasks = [{ name: 'main', process: { command: ['true'] }, ports: [{ name: 'http' }] }]

view('a system job counts the nodes that it is for, and those where it runs', () => {
  const a = new Listener()
  a.member('b', { labels: { zone: 'x' } })
  a.member('c', { labels: { zone: 'x' } })
  a.member('d', { labels: { zone: 'y' } })
  const constraints = [{ attribute: 'zone', operator: '=', value: 'x' }]
  const version = a.job('b', { id: 'logs', type: 'system', tasks, constraints })
  const shown = () => {
    const { count, running, healthy, waiting, state } = a.core.view().job('logs')!
    return [count, running, healthy, waiting, state]
  }
  assert.equal(shown(), [2, 0, 0, 2, 'pending'])
  a.runs('b', 'logs', 0, version)
  assert.equal(shown(), [2, 1, 1, 1, 'degraded'])
  a.runs('c', 'logs', 0, version)
  assert.equal(shown(), [2, 2, 2, 0, 'running'])
  a.write('b', 'drain/c', { draining: true })
  assert.is(a.core.view().job('logs')!.count, 2, 'what runs there still counts')
  a.becomes('b', 'down')
  assert.equal(shown(), [1, 1, 1, 0, 'running'])
})

view('tasks of an agent that is away are not lost before it should be back', () => {
  const a = new Listener()
  a.member('b', { awayUntil: startMs + 60_000 })
  a.member('c')
  const version = a.job('b', {
    id: 'web',
    count: 2,
    tasks,
    services: [{ name: 'web', port: 'http' }],
  })
  const kept = a.runs('b', 'web', 0, version)
  const gone = a.runs('c', 'web', 1, version)
  a.becomes('b', 'down')
  a.becomes('c', 'down')
  assert.is(a.core.view().allocation(kept)!.state, 'running')
  assert.is(a.core.view().allocation(gone)!.state, 'lost')
  assert.is(a.core.view().job('web')!.running, 1)
  const endpoints = a.core
    .view()
    .service('web')
    ?.endpoints.map(({ allocation }) => allocation)
  assert.equal(endpoints, [kept])
})

view.run()
