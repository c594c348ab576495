import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { differences, planOf } from '../../../node/api/plan.ts'
import { check } from '../../../protocol/base/schema.ts'
import { type JobSpec, jobSchema } from '../../../protocol/placement/job.ts'
import type { JobView } from '../../../protocol/view.ts'
import { webJob } from './fixture.ts'

const plans = suite('plan')

function specOf(changes: object): JobSpec {
  const checked = check(jobSchema, webJob(changes))
  if (!checked.ok) throw new Error(JSON.stringify(checked.issues))
  return checked.value
}

function jobOf(changes: object, counts: Partial<JobView> = {}): JobView {
  const spec = specOf(changes)
  const live = spec.count
  const running = { live, running: live, healthy: live, waiting: 0, complete: 0 }
  const job = { id: spec.id, version: '1-a', revision: '1-a', count: spec.count, spec, ...running }
  return { ...job, state: 'running', ...counts }
}

const otherTask = { tasks: [{ name: 'server', process: { command: ['other'] } }], services: [] }

const cases: [name: string, from: object | undefined, to: object, expected: string][] = [
  ['a new job', undefined, {}, 'create +3 -0 ~0 =0'],
  ['the same', {}, {}, 'none +0 -0 ~0 =3'],
  ['more', {}, { count: 5 }, 'change +2 -0 ~0 =3'],
  ['fewer', {}, { count: 1 }, 'change +0 -2 ~0 =1'],
  ['another priority replaces nothing', {}, { priority: 9 }, 'change +0 -0 ~0 =3'],
  ['another command replaces all', {}, otherTask, 'change +0 -0 ~3 =0'],
  ['both', {}, { ...otherTask, count: 4 }, 'change +1 -0 ~3 =0'],
  ['another type replaces all', {}, { type: 'batch' }, 'change +0 -0 ~3 =0'],
]

for (const [name, from, to, expected] of cases)
  plans(name, () => {
    const plan = planOf(specOf(to), from && jobOf(from))
    const { added, removed, replaced, kept } = plan.allocations
    assert.is(`${plan.effect} +${added} -${removed} ~${replaced} =${kept}`, expected)
  })

plans('the count is what it was scaled to', () => {
  const plan = planOf(specOf({}), jobOf({}, { count: 5, live: 5 }))
  assert.equal(plan.changes, [{ path: 'count', from: 5, to: 3 }])
  assert.is(plan.allocations.removed, 2)
})

plans('slots of a batch that are done stay done', () => {
  const batch = { type: 'batch' }
  const plan = planOf(specOf(batch), jobOf(batch, { live: 1, complete: 2 }))
  assert.equal(plan.allocations, { added: 0, removed: 0, replaced: 0, kept: 1 })
})

plans('differences name the deepest field', () => {
  const from = { a: 1, b: [{ c: 1, d: 2 }], e: { f: 1 }, g: 1 }
  const to = { a: 1, b: [{ c: 2, d: 2 }, { c: 3 }], e: [1], h: 2 }
  assert.equal(differences(from, to, ''), [
    { path: 'b[0].c', from: 1, to: 2 },
    { path: 'b[1]', to: { c: 3 } },
    { path: 'e', from: { f: 1 }, to: [1] },
    { path: 'g', from: 1 },
    { path: 'h', to: 2 },
  ])
})

plans.run()
