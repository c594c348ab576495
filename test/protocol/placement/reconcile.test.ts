import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { AllocationBody } from '../../../protocol/placement/allocation.ts'
import type { Fate } from '../../../protocol/placement/fate.ts'
import type { Job, Placed } from '../../../protocol/placement/inventory.ts'
import { comparePlaced } from '../../../protocol/placement/placed-list.ts'
import { type Reconciliation, reconcile } from '../../../protocol/placement/reconcile.ts'
import { noResources } from '../../../protocol/placement/resources.ts'
import { node, spec, startMs } from './machine.ts'
import { stampsPerMs } from './stage.ts'

const rules = suite('reconcile')
const now = startMs + 1_000_000

const fates: { [member: string]: Fate } = {
  shaky: { type: 'suspect' },
  away: { type: 'away', until: now + 5000 },
  dead: { type: 'lost' },
}
const records = {
  node: () => node(),
  isDraining: (member: string) => member.startsWith('drained'),
  committed: () => noResources,
}

function job(change: { [field: string]: unknown } = {}): Job {
  const made = spec({ count: 1, ...change })
  const version = '2-new'
  return {
    id: 'web',
    version,
    generation: 2,
    count: made.count,
    spec: made,
    stamp: 1,
    createdStamp: 1,
    essence: 'e',
    born: 0,
  }
}

/** `slot@member state[+] [old] [failures=n] [id=x]`: + is healthy. Later in the list is created later. */
function placed(written: string, order: number): Placed {
  const [where = '', state = '', ...rest] = written.split(' ')
  const [slot, member = ''] = where.split('@')
  const option = (name: string): string | undefined =>
    rest.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1)
  const createdMs = now - Number(option('age') ?? 10_000) + order
  const body: AllocationBody = {
    id: `web.${slot}.${option('id') ?? member}`,
    job: 'web',
    slot: Number(slot),
    version: rest.includes('old') ? '1-old' : '2-new',
    essence: rest.includes('old') ? 'was' : 'e',
    state: state.replace('+', '') as AllocationBody['state'],
    healthy: state.endsWith('+'),
    resources: noResources,
    ports: {},
    tasks: [],
    createdStamp: createdMs * stampsPerMs,
    runningSince: option('ran') ? now - Number(option('ran')) : null,
    reason: null,
    failures: Number(option('failures') ?? 0),
  }
  return { member, stamp: (now - Number(option('ended') ?? 0)) * stampsPerMs, body }
}

interface Change {
  readonly asked?: readonly number[]
  readonly stopping?: readonly string[]
  readonly isWaiting?: boolean
}

function plan(of: Job, written: readonly string[], change: Change = {}): Reconciliation {
  return reconcile({
    job: of,
    allocations: written.map(placed).sort(comparePlaced),
    fateOf: (member) => fates[member] ?? { type: 'here' },
    records,
    asked: new Set(change.asked),
    stopping: new Set(change.stopping),
    isWaiting: change.isWaiting ?? false,
    now,
  })
}

function inWords({ place, replace, stop, keep, wait, complete }: Reconciliation): string {
  return [
    ...place.map(
      ({ slot, failures }) => `place ${slot}${failures > 0 ? ` after ${failures}` : ''}`,
    ),
    ...replace.map(({ slot, old, cause }) => `replace ${slot} on ${old.member} (${cause})`),
    ...stop.map(({ placed: each }) => `stop ${each.body.slot} on ${each.member}`),
    ...keep.map(({ member, body }) => `keep ${body.slot} on ${member}`),
    ...wait.map(
      ({ slot, reason, until }) => `wait ${slot} ${reason}${until ? ` ${until - now}` : ''}`,
    ),
    ...complete.map((slot) => `complete ${slot}`),
  ].join(', ')
}

type Row = [string, { [field: string]: unknown }, string[], string, Change?]

function check(table: readonly Row[]): void {
  for (const [rule, of, written, expected, change] of table)
    assert.is(inWords(plan(job(of), written, change)), expected, rule)
}

rules('a slot of a service', () => {
  check([
    ['nothing there', {}, [], 'place 0'],
    ['scaled to zero', { count: 0 }, [], ''],
    ['scaled to zero, one still runs', { count: 0 }, ['0@a running+'], ''],
    [
      'a slot past the count is not ours to stop',
      {},
      ['0@a running+', '1@b running+'],
      'keep 0 on a',
    ],
    ['asked for', {}, [], 'wait 0 asked', { asked: [0] }],
    ['it runs', {}, ['0@a running+'], 'keep 0 on a'],
    ['it starts', {}, ['0@a pending'], 'keep 0 on a'],
    ['it stops', {}, ['0@a stopping'], 'wait 0 stopping'],
    ['it was asked to stop', {}, ['0@a running+'], 'wait 0 stopping', { stopping: ['web.0.a'] }],
    ['it was stopped by hand', {}, ['0@a complete'], 'place 0'],
    ['its member is suspect', {}, ['0@shaky running+'], 'wait 0 suspect'],
    ['its member is away', {}, ['0@away running+'], 'wait 0 away 5000'],
    ['its member is lost', {}, ['0@dead running+'], 'place 0'],
    ['lost while it stopped', {}, ['0@dead stopping'], 'place 0'],
    ['lost, after failures', {}, ['0@dead running failures=3'], 'place 0 after 3'],
    ['lost, and placed again', {}, ['0@dead running+', '0@b pending'], 'keep 0 on b'],
    ['two, both live: no third', {}, ['0@a pending', '0@b running+'], 'keep 0 on a'],
    ['two, and neither is healthy', {}, ['0@a running', '0@b pending'], 'stop 0 on b, keep 0 on a'],
    ['one suspect, one here', {}, ['0@shaky running+', '0@b running+'], 'keep 0 on b'],
    ['the healthy winner ousts', {}, ['0@a running+', '0@b running+'], 'stop 0 on b, keep 0 on a'],
    ['each slot by itself', { count: 3 }, ['1@a running+'], 'place 0, place 2, keep 1 on a'],
  ])
})

rules('failures and back-off', () => {
  check([
    ['1 s after the first', {}, ['0@a failed ended=200'], 'wait 0 backing-off 800'],
    ['and then', {}, ['0@a failed ended=1000'], 'place 0 after 1'],
    ['doubled', {}, ['0@a failed ended=1000 failures=2'], 'wait 0 backing-off 3000'],
    ['up to delayMax', {}, ['0@a failed ended=1000 failures=900'], 'wait 0 backing-off 59000'],
    [
      'one that ran long starts anew',
      {},
      ['0@a failed failures=9 ran=300000'],
      'wait 0 backing-off 1000',
    ],
    ['an old version is no reason', {}, ['0@a failed old'], 'place 0'],
    ['the latest counts', {}, ['0@a failed failures=8', '0@b complete id=z'], 'place 0'],
  ])
})

rules('a batch', () => {
  const batch = { type: 'batch' }
  check([
    ['runs', batch, ['0@a running+'], 'keep 0 on a'],
    ['is done', batch, ['0@a complete'], 'complete 0'],
    ['is done, wherever', batch, ['0@dead complete'], 'complete 0'],
    ['is done, though another still runs', batch, ['0@a complete', '0@b running'], 'complete 0'],
    ['was done by an old version', batch, ['0@a complete old'], 'place 0'],
    ['has failed', batch, ['0@a failed ended=1000'], 'place 0 after 1'],
    ['each slot', { ...batch, count: 2 }, ['0@a complete'], 'place 1, complete 0'],
    ['stops before it starts anew', batch, ['0@a running+ old'], 'stop 0 on a'],
  ])
})

rules('a roll-out', () => {
  const three = { count: 3 }
  const allOld = ['0@a running+ old', '1@b running+ old', '2@c running+ old']
  const two = { count: 3, update: { parallel: 2 } }
  const stopFirst = { count: 3, update: { order: 'stop-first' } }
  const twoStopFirst = { count: 3, update: { parallel: 2, order: 'stop-first' } }
  const [, second = '', third = ''] = allOld
  check([
    ['one at a time', three, allOld, 'replace 0 on a (update)'],
    ['two at a time', two, allOld, 'replace 0 on a (update), replace 1 on b (update)'],
    ['one is asked for', three, allOld, 'wait 0 asked', { asked: [0] }],
    [
      'one is asked for, two may',
      two,
      allOld,
      'replace 1 on b (update), wait 0 asked',
      { asked: [0] },
    ],
    ['the new one starts', three, [...allOld, '0@d starting'], 'keep 0 on d'],
    [
      'the new one is healthy',
      three,
      [...allOld, '0@d running+'],
      'replace 1 on b (update), stop 0 on a, keep 0 on d',
    ],
    [
      'the new one is given up, and has not ended: nothing else is tried',
      three,
      [...allOld, '0@d stopping'],
      'wait 0 stopping',
    ],
    ['stop first', stopFirst, allOld, 'stop 0 on a'],
    ['stop first, two', twoStopFirst, allOld, 'stop 0 on a, stop 1 on b'],
    ['one stops', stopFirst, ['0@a stopping old', second, third], 'wait 0 stopping'],
    ['its place is free', stopFirst, ['0@a complete old', second, third], 'place 0'],
    [
      'the sick first',
      three,
      ['0@a running+ old', '1@b running old', third],
      'replace 1 on b (update)',
    ],
    [
      'one that was lost counts for stop-first',
      stopFirst,
      ['0@dead running+ old', second, third],
      'place 0',
    ],
    [
      'one that fits nowhere does not: the new version may be what makes room',
      stopFirst,
      ['0@dead running+ old', second, third],
      'place 0, stop 1 on b',
      { isWaiting: true },
    ],
    [
      'one that is down counts for stop-first',
      stopFirst,
      ['0@shaky running+ old', second, third],
      'wait 0 suspect',
    ],
    [
      'and not for start-first',
      three,
      ['0@shaky running+ old', second, third],
      'replace 1 on b (update), wait 0 suspect',
    ],
  ])
})

rules('a roll-out that fails', () => {
  const two = { count: 3, update: { parallel: 2 } }
  const rest = ['1@b running+ old', '2@c running+ old']
  const failed = ['0@a running+ old', '0@d failed ended=200', ...rest]
  const later = ['0@a running+ old', '0@d failed ended=1000', ...rest]
  check([
    ['waits, and touches nothing else', two, failed, 'wait 0 backing-off 800'],
    ['tries that slot alone', two, later, 'replace 0 on a (update)'],
  ])
  assert.match(plan(job(two), failed).explain ?? '', /slot 0 has failed/)
  assert.is(plan(job(two), failed).wakeAt, now + 800)
  assert.is(plan(job(two), rest).explain, undefined)
})

rules('a drain', () => {
  const drained = ['0@drained1 running+', '1@drained2 running+', '2@c running+']
  const three = { count: 3 }
  check([
    ['one at a time', three, drained, 'replace 0 on drained1 (drain), keep 2 on c'],
    ['beside it', three, [...drained, '0@d running'], 'keep 0 on d, keep 2 on c'],
    [
      'then without it',
      three,
      [...drained, '0@d running+'],
      'replace 1 on drained2 (drain), stop 0 on drained1, keep 0 on d, keep 2 on c',
    ],
    [
      'goes on though a slot fails',
      three,
      ['0@drained1 running+', '1@x failed', '2@c running+'],
      'replace 0 on drained1 (drain), keep 2 on c, wait 1 backing-off 1000',
    ],
    [
      'and though one never gets well',
      three,
      ['0@drained1 running+', '1@b running age=900000', '2@c running+'],
      'replace 0 on drained1 (drain), keep 1 on b, keep 2 on c',
    ],
    [
      'a batch is stopped and starts elsewhere',
      { type: 'batch' },
      ['0@drained1 running+'],
      'stop 0 on drained1',
    ],
    [
      'of those that are here the winner counts, though a suspect one ranks before it',
      { update: { order: 'stop-first' } },
      ['0@a pending old', '0@shaky pending', '0@drained1 pending'],
      'replace 0 on drained1 (drain)',
    ],
  ])
  assert.is(plan(job(three), drained).replace[0]?.mayStopFirst, false)
})

const member = fc.constantFrom('a', 'b', 'c', 'shaky', 'away', 'dead', 'drained1')
const line = fc
  .tuple(
    fc.nat({ max: 5 }),
    member,
    fc.constantFrom('pending', 'starting', 'running', 'running+', 'stopping', 'complete', 'failed'),
    fc.constantFrom('', ' old'),
    fc.constantFrom('', ' ended=100', ' ended=100000'),
    fc.nat({ max: 9 }),
  )
  .map(([slot, on, state, old, ended, id]) => `${slot}@${on} ${state}${old}${ended} id=${id}${on}`)
const jobs = fc
  .record({
    count: fc.nat({ max: 5 }),
    type: fc.constantFrom('service', 'batch'),
    update: fc.record({
      parallel: fc.integer({ min: 1, max: 3 }),
      order: fc.constantFrom('start-first', 'stop-first'),
    }),
  })
  .map(job)

rules('what was done is not done again', () => {
  fc.assert(
    fc.property(jobs, fc.array(line, { maxLength: 12 }), (of, written) => {
      const first = plan(of, written)
      const asked = [...first.place, ...first.replace].map(({ slot }) => slot)
      const stopping = first.stop.map(({ placed: each }) => each.body.id)
      const second = plan(of, written, { asked, stopping })
      const again = second.stop.filter(({ placed: each }) => stopping.includes(each.body.id))
      assert.equal([second.place, again], [[], []])
      assert.equal(second.replace, [], 'the budget was used up')
    }),
    { numRuns: 2000 },
  )
})

rules('never more placements than slots, none beside a live one, each slot in one bucket', () => {
  fc.assert(
    fc.property(jobs, fc.array(line, { maxLength: 12 }), (of, written) => {
      const found = plan(of, written)
      const placedSlots = found.place.map(({ slot }) => slot)
      assert.is(new Set(placedSlots).size, placedSlots.length)
      assert.ok(
        [...placedSlots, ...found.replace.map(({ slot }) => slot)].every((slot) => slot < of.count),
      )
      const live = written
        .map(placed)
        .filter((each) => ['pending', 'starting', 'running'].includes(each.body.state))
        .filter((each) => each.member !== 'dead')
      for (const each of live)
        assert.not(placedSlots.includes(each.body.slot), 'a live one is there')
      const buckets = [
        ...placedSlots,
        ...found.replace.map(({ slot }) => slot),
        ...found.keep.map(({ body }) => body.slot),
        ...found.wait.map(({ slot }) => slot),
        ...found.complete,
      ]
      assert.is(new Set(buckets).size, buckets.length)
      assert.ok(found.replace.length <= of.spec.update.parallel)
    }),
    { numRuns: 2000 },
  )
})

rules.run()
