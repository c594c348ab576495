import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultConfig } from '../../../protocol/config.ts'
import { limits } from '../../../protocol/limits.ts'
import type { AllocationBody } from '../../../protocol/placement/allocation.ts'
import type { Job } from '../../../protocol/placement/inventory.ts'
import { type Ended, retain } from '../../../protocol/placement/retention.ts'
import { Machine, spec } from './machine.ts'

const retention = suite('retention')
const hourMs = 3_600_000
const bounds = { endedRetentionMs: hourMs, endedPerJob: 2 }
const now = 10 * hourMs

function jobOf(overrides: { [field: string]: unknown } = {}): Job {
  const machine = new Machine()
  machine.putJob(spec({ restart: { delayMax: '10m' }, ...overrides }))
  return machine.inventory.job('web')!
}

function ended(
  state: AllocationBody['state'],
  agoMs: number,
  change: Partial<AllocationBody> = {},
): Ended {
  const { slot = 0 } = change
  const id = `web.${slot}.${String(agoMs).padStart(8, '0')}`
  const { version, essence } = jobOf({ type: 'batch' })
  const body = { id, slot, version, essence, createdStamp: 1, state, ...change } as AllocationBody
  return { at: now - agoMs, body }
}

const minuteMs = 60_000
const table: [string, Job | undefined, Ended[], number[]][] = [
  ['what is young is shown', jobOf(), [ended('complete', minuteMs)], []],
  ['what is old is not', jobOf(), [ended('complete', hourMs)], [0]],
  [
    'only the newest are shown',
    jobOf(),
    [1, 2, 3].map((i) => ended('complete', i * minuteMs)),
    [2],
  ],
  [
    'the last failure of each slot is kept for its back-off',
    jobOf(),
    [0, 1, 2].map((slot) => ended('failed', (slot + 1) * minuteMs, { slot })),
    [],
  ],
  [
    'an earlier failure of the slot is not',
    jobOf(),
    [1, 2, 3].map((i) => ended('failed', i * minuteMs)),
    [2],
  ],
  [
    'nor one whose back-off is over',
    jobOf(),
    [...[1, 2].map((i) => ended('complete', i)), ended('failed', 11 * minuteMs, { slot: 1 })],
    [2],
  ],
  [
    'the work of a batch is remembered',
    jobOf({ type: 'batch' }),
    [ended('complete', 5 * hourMs)],
    [],
  ],
  ['but not its failures', jobOf({ type: 'batch' }), [ended('failed', 5 * hourMs)], [0]],
  [
    'nor the work of another version',
    jobOf({ type: 'batch' }),
    [ended('complete', 5 * hourMs, { essence: 'was' })],
    [0],
  ],
  [
    'nor of a slot that is not wanted',
    jobOf({ type: 'batch', count: 1 }),
    [ended('complete', 5 * hourMs, { slot: 1 })],
    [0],
  ],
  ['nor of a job that is deleted', undefined, [ended('complete', 5 * hourMs)], [0]],
  ['which is shown for as long as any other', undefined, [ended('complete', minuteMs)], []],
]

for (const [name, job, all, expected] of table)
  retention(name, () => {
    const { expired } = retain(all, job, bounds, now)
    assert.equal(
      expired.map((each) => all.indexOf(each)),
      expected,
    )
  })

retention('says when to look again', () => {
  assert.is(retain([ended('complete', minuteMs)], jobOf(), bounds, now).nextAt, now + 59 * minuteMs)
  const batch = jobOf({ type: 'batch' })
  assert.is(retain([ended('complete', minuteMs)], batch, bounds, now).nextAt, undefined)
})

retention('a member forgets in time, with what the allocation left behind', () => {
  const machine = new Machine()
  machine.putJob(spec({ restart: { attempts: 0 } }))
  machine.start()
  const ids = Array.from({ length: limits.endedPerJob + 2 }, (_, i) => {
    const id = machine.run({ allocation: `web.0.${String(i).padStart(8, '0')}` })
    machine.exited(id, 1)
    machine.now += 1000
    return id
  })
  machine.settle()
  assert.equal(ids.map((id) => machine.has(id)).slice(0, 3), [false, false, true])
  const { effects } = machine.toDeadline()
  assert.equal(effects, [`remove-allocation ${ids[2]}`])
  machine.after(defaultConfig.endedRetentionMs)
  assert.not(ids.some((id) => machine.has(id)))
  assert.is(machine.host.deadline(), undefined)
})

retention('a new agent remembers what the last one had shown', () => {
  const before = new Machine()
  before.putJob(spec({ restart: { attempts: 0 } }))
  before.start()
  const id = before.run()
  before.exited(id, 1)
  const machine = new Machine({ records: before.records, now: before.now + hourMs / 2 })
  machine.start()
  assert.ok(machine.has(id))
  assert.is(machine.toDeadline().afterMs, hourMs / 2)
  assert.not(machine.has(id))
})

retention('thousands are forgotten over several steps, each bounded', () => {
  const machine = new Machine()
  machine.putJob(spec({ type: 'batch', count: 300 }))
  machine.start()
  for (let slot = 0; slot < 300; slot++) machine.exited(machine.run({ slot }), 0)
  machine.deleteJob('web')
  let steps = 0
  for (; machine.host.deadline() === machine.now; steps++) {
    machine.after(0)
    assert.ok(machine.lastEffects.length <= limits.allocationsPerStep)
  }
  assert.ok(steps > 3)
  assert.is([...machine.records.keys()].filter((key) => key.startsWith('alloc/')).length, 300)
  assert.is(machine.inventory.allocationsOn('m1').length, limits.endedPerJob)
})

retention.run()
