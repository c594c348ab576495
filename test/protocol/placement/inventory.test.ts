import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Value } from '../../../protocol/base/value.ts'
import { allocationKey } from '../../../protocol/placement/allocation.ts'
import { Inventory, isCurrent, jobVersion } from '../../../protocol/placement/inventory.ts'
import { add, noResources, type Resources } from '../../../protocol/placement/resources.ts'
import type { World, Written } from '../../../protocol/placement/world.ts'
import { node, spec, task } from './machine.ts'

const inventory = suite('the inventory')

class Records {
  readonly written = new Map<string, Written>()
  readonly kept = new Map<string, Written[]>()
  readonly inventory = new Inventory(this.world())
  #counter = 0

  world(): World {
    return {
      read: (key: string) => this.written.get(key),
      versions: (key: string) => this.kept.get(key) ?? [],
    } as unknown as World
  }

  put(key: string, body: unknown, author = 'm1'): void {
    const written = { author, counter: ++this.#counter, stamp: this.#counter, body: body as Value }
    this.written.set(key, written)
    this.kept.set(key, [written, ...(this.kept.get(key) ?? [])])
  }
}

function allocation(id: string, change: object = {}): object {
  const [job, slot] = id.split('.')
  return {
    id,
    job,
    slot: Number(slot),
    version: '1-a',
    essence: 'e',
    state: 'running',
    healthy: true,
    resources: { cpu: 10, memory: 20, disk: 0, gpu: 0 },
    ports: {},
    tasks: [],
    createdStamp: 1,
    runningSince: null,
    reason: null,
    failures: 0,
    ...change,
  }
}

inventory('a job, its count and its version', () => {
  const records = new Records()
  records.put('job/web/spec', { generation: 3, spec: spec() })
  const change = records.inventory.refresh(['job/web/spec'])
  assert.equal(change.jobs, ['web'])
  const job = records.inventory.job('web')!
  assert.is(job.count, 3)
  assert.is(job.version, jobVersion(3, 'm1', 1))
  assert.match(job.version, /^3-[0-9a-f]{8}$/)
  records.put('job/web/count', { count: 7 })
  records.inventory.refresh(['job/web/count'])
  assert.is(records.inventory.job('web')!.count, 7)
  records.put('job/web/count', null)
  records.inventory.refresh(['job/web/count'])
  assert.is(records.inventory.job('web')!.count, 3)
  records.put('job/web/spec', null)
  assert.equal(records.inventory.refresh(['job/web/spec']).jobs, ['web'])
  assert.equal(records.inventory.jobIds(), [])
})

inventory('what is not well formed is as good as absent', () => {
  const table: [string, unknown][] = [
    ['job/web/spec', { generation: 1, spec: { ...spec(), id: 'other' } }],
    ['job/web/spec', { generation: 1, spec: { ...spec(), count: -1 } }],
    ['job/web/spec', 'nonsense'],
    ['node/m1', { ...node(), capacity: { cpu: 'all' } }],
    ['node/m1', []],
    ['drain/m1', { draining: 'yes' }],
    ['alloc/m1/web.0.x', allocation('web.1.x')],
    ['alloc/m1/web.0.x', allocation('web.0.x', { state: 'lost' })],
    [
      'alloc/m1/web.0.x',
      allocation('web.0.x', { resources: { cpu: -1, memory: 0, disk: 0, gpu: 0 } }),
    ],
    ['alloc/m1', allocation('web.0.x')],
    ['stranger/m1', {}],
    ['', {}],
  ]
  for (const [key, body] of table) {
    const records = new Records()
    records.put(key, body)
    const { before: _, ...touched } = records.inventory.refresh([key])
    assert.equal(Object.values(touched).flat(), [], `${key} ${JSON.stringify(body)}`)
  }
})

inventory('fields of a later version are no hindrance, except in a job', () => {
  const records = new Records()
  records.put('node/m1', { ...node(), colour: 'red' })
  records.put('alloc/m1/web.0.x', allocation('web.0.x', { mood: 'good' }))
  records.put('job/web/spec', { generation: 1, spec: { ...spec(), colour: 'red' } })
  const change = records.inventory.refresh([...records.written.keys()])
  assert.equal(change.members, ['m1'])
  assert.equal(change.allocations, ['web.0.x'])
  assert.equal(change.jobs, [])
})

inventory('an edit that does not change what runs leaves the version current', () => {
  const table: [string, object, boolean][] = [
    ['labels', { labels: { team: 'x' } }, true],
    ['the count', { count: 9 }, true],
    ['how it is updated', { update: { parallel: 5 } }, true],
    ['priority', { priority: 90 }, true],
    ['resources', { tasks: [task({ resources: { cpu: 200, memory: 100 } })] }, false],
    ['environment', { tasks: [task({ env: { A: '1' } })] }, false],
    ['constraints', { constraints: [{ attribute: 'zone', operator: '=', value: 'a' }] }, false],
    ['the type', { type: 'batch' }, false],
  ]
  for (const [edit, change, isSame] of table) {
    const records = new Records()
    records.put('job/web/spec', { generation: 1, spec: spec() })
    records.inventory.refresh(['job/web/spec'])
    const { version: before, essence } = records.inventory.job('web')!
    const begun = { essence, createdStamp: 1 }
    records.put('job/web/spec', { generation: 2, spec: spec(change as never) })
    records.inventory.refresh(['job/web/spec'])
    const job = records.inventory.job('web')!
    assert.is.not(job.version, before)
    assert.is(isCurrent(job, begun), isSame, edit)
    const later = new Inventory(records.world())
    later.refresh(['job/web/spec'])
    assert.is(isCurrent(later.job('web')!, begun), isSame, `${edit}, read by another agent`)
  }
})

inventory('however many edits have been made since, what runs is as it is asked for', () => {
  const records = new Records()
  for (let generation = 1; generation <= 40; generation++) {
    const edited = { ...spec({ labels: { edit: String(generation) } }) }
    records.put('job/web/spec', { generation, born: 5, spec: edited })
    records.inventory.refresh(['job/web/spec'])
  }
  const { essence } = records.inventory.job('web')!
  const newcomer = new Inventory(records.world())
  newcomer.refresh(['job/web/spec'])
  for (const [createdStamp, isCurrentNow] of [
    [6, true],
    [5, false],
  ] as const) {
    const begun = { essence, createdStamp }
    for (const reader of [records.inventory, newcomer])
      assert.is(isCurrent(reader.job('web')!, begun), isCurrentNow, `begun at ${createdStamp}`)
  }
})

inventory('the order in which variables are written makes no difference', () => {
  const records = new Records()
  const jobs = [
    { A: '1', B: '2' },
    { B: '2', A: '1' },
  ].map((env) => spec({ tasks: [task({ env })] }))
  const essences = jobs.map((each) => {
    records.put('job/web/spec', { generation: 1, spec: each })
    records.inventory.refresh(['job/web/spec'])
    return records.inventory.job('web')!.essence
  })
  assert.is(essences[0], essences[1])
})

inventory('kept up to date key by key, it is what a new one would be', () => {
  const id = fc.constantFrom('web.0.a', 'web.1.b', 'api.0.c', 'api.0.d')
  const write = fc.record({
    member: fc.constantFrom('m1', 'm2'),
    id,
    body: fc.option(
      fc.record({
        state: fc.constantFrom('pending', 'running', 'stopping', 'complete', 'failed'),
        createdStamp: fc.nat({ max: 3 }),
        resources: fc.record({
          cpu: fc.nat({ max: 9 }),
          memory: fc.nat({ max: 9 }),
          disk: fc.constant(0),
          gpu: fc.constant(0),
        }),
      }),
    ),
  })
  fc.assert(
    fc.property(fc.array(write, { maxLength: 40 }), (writes) => {
      const records = new Records()
      for (const { member, id: name, body } of writes) {
        const key = allocationKey(member, name)
        const before = records.inventory.committed(member)
        records.put(key, body === null ? null : allocation(name, body), member)
        const { freed } = records.inventory.refresh([key])
        const after = records.inventory.committed(member)
        assert.equal(freed, isLess(after, before) ? [member] : [])
      }
      const fresh = new Inventory(records.world())
      fresh.refresh([...records.written.keys()].reverse())
      assert.equal(summary(records.inventory), summary(fresh))
      for (const member of ['m1', 'm2'])
        assert.equal(fresh.committed(member), sumOf(fresh, member), 'committed is the sum')
    }),
  )
})

/** At least one dimension fell. One write changes one allocation, so the sum tells. */
function isLess(a: Resources, b: Resources): boolean {
  return a.cpu < b.cpu || a.memory < b.memory
}

function sumOf(of: Inventory, member: string): Resources {
  return of
    .allocationsOn(member)
    .filter(({ body }) => body.state !== 'complete' && body.state !== 'failed')
    .reduce((sum, { body }) => add(sum, body.resources), noResources)
}

function summary(of: Inventory): unknown {
  return {
    jobs: of.allocationJobs(),
    ofJobs: ['web', 'api'].map((job) => of.allocationsOf(job)),
    onMembers: ['m1', 'm2'].map((member) => of.allocationsOn(member)),
    committed: ['m1', 'm2'].map((member) => of.committed(member)),
  }
}

inventory.run()
