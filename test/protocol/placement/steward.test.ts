import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limits } from '../../../protocol/limits.ts'
import { spec, task } from './machine.ts'
import { type Asked, healthy, jobOf, perMember, Stage } from './stage.ts'

const steward = suite('the steward')

function words(asked: readonly Asked[]): string[] {
  return asked.map(({ to, request }) => `${request.slot} ${to}`)
}

steward('asks for each slot once, with all that the member needs to know', () => {
  const stage = Stage.of(1)
  stage.putJob(spec({ count: 2 }))
  const asked = stage.takeAsked()
  assert.equal(words(asked), ['0 m1', '1 m1'])
  const { request } = asked[0]!
  assert.match(request.allocation, /^web\.0\.[0-9a-f]{8}$/)
  assert.is(request.version, stage.inventory.job('web')?.version)
  assert.equal(request.records, ['web records'])
  assert.is(request.replaces, null)
  for (const each of asked) stage.accept(each, healthy)
  stage.pass(600_000)
  assert.equal(stage.takeAsked(), [])
  assert.equal(stage.standing('web'), ['0 m1 healthy', '1 m1 healthy'])
})

steward('says which earlier ones of the slot are over: ended ones, and those of the dead', () => {
  const stage = Stage.of(3)
  const id = jobOf(stage, 'm1')
  stage.drain('m1')
  stage.putJob(spec({ id, count: 1, restart: { delay: '1s' } }))
  const [first] = stage.takeAsked()
  assert.equal(first!.request.over, [])
  stage.accept(first!, { ...healthy, state: 'failed', healthy: false })
  stage.pass(2000)
  const [second] = stage.takeAsked()
  assert.equal(second!.request.over, [first!.request.allocation])
  stage.accept(second!, healthy)
  stage.setState(second!.to, 'down')
  const [third] = stage.takeAsked()
  assert.equal(third!.request.over, [first!.request.allocation, second!.request.allocation])
})

steward('only the steward of a job asks', () => {
  const stage = Stage.of(5)
  const mine = jobOf(stage, 'm1')
  const other = jobOf(stage, 'm2')
  stage.putJob(spec({ id: other }))
  stage.putJob(spec({ id: 'everywhere', type: 'system' }))
  assert.equal(stage.takeAsked(), [])
  assert.is(stage.steward.stewardOf('everywhere'), undefined)
  stage.putJob(spec({ id: mine }))
  assert.is(stage.takeAsked().length, 3)
})

steward('ten slots on five equal nodes: two each', () => {
  for (let seed = 0; seed < 5; seed++) {
    const stage = Stage.of(5, { seed })
    const id = jobOf(stage, 'm1', `even${seed}-`)
    stage.putJob(spec({ id, count: 10, tasks: [task({ resources: { cpu: 50, memory: 50 } })] }))
    assert.is(stage.acceptAll().length, 10)
    assert.equal(perMember(stage, id), [2, 2, 2, 2, 2])
  }
})

steward('what is asked for is held until it is answered', () => {
  const stage = Stage.of(2)
  const id = jobOf(stage, 'm1')
  stage.putJob(spec({ id, count: 4, type: 'batch', tasks: [task({ resources: { cpu: 600 } })] }))
  assert.is(stage.takeAsked().length, 2, 'one on each node, and no more')
  assert.equal(stage.notes, [`${id}: no node fits: cpu`])
})

steward('a decline leads to the next candidate, and a silence too', () => {
  const stage = Stage.of(3)
  const id = jobOf(stage, 'm1')
  stage.putJob(spec({ id, count: 1 }))
  const [first] = stage.takeAsked()
  stage.decline(first!)
  const [second] = stage.takeAsked()
  assert.is.not(second!.to, first!.to)
  assert.is.not(second!.request.allocation, first!.request.allocation)
  stage.pass(stage.config.placementTimeoutMs)
  const [third] = stage.takeAsked()
  assert.is(new Set([first!.to, second!.to, third!.to]).size, 3)
  stage.accept(third!, healthy)
  stage.decline(second!)
  stage.pass(60_000)
  assert.equal(stage.takeAsked(), [], 'an answer that comes too late changes nothing')
})

steward('when all have declined it asks again later, and ever more slowly', () => {
  const stage = Stage.of(3)
  const id = jobOf(stage, 'm1')
  stage.putJob(spec({ id, count: 1 }))
  const perSecond: number[] = []
  for (let second = 0; second < 20; second++) {
    let asks = 0
    for (let asked = stage.takeAsked(); asked.length > 0; asked = stage.takeAsked()) {
      asks += asked.length
      for (const each of asked) stage.decline(each, 'port 80: is taken')
    }
    perSecond.push(asks)
    stage.pass(1000)
  }
  assert.is(perSecond[0], 3)
  const late = perSecond.slice(10).reduce((sum, asks) => sum + asks, 0)
  assert.ok(late >= 3 && late <= 15, `${late} asks in the last 10 s`)
  assert.equal(stage.notes, [`${id}: declined: port 80: is taken`])
})

steward('an accepted slot is not asked for again while its record is on its way', () => {
  const stage = Stage.of(2)
  const id = jobOf(stage, 'm1')
  stage.putJob(spec({ id, count: 1 }))
  const [asked] = stage.takeAsked()
  const { request, to } = asked!
  const answer = {
    type: 'place-response',
    job: id,
    slot: 0,
    requested: request.allocation,
  } as const
  stage.steward.onPlaceResponse(
    to,
    { ...answer, allocation: request.allocation, reason: null, records: [] },
    stage.now,
    { push: () => assert.unreachable('nothing to do') },
  )
  stage.pass(stage.config.waitingRetryMs - 1)
  assert.equal(stage.takeAsked(), [])
  stage.place(to, request, healthy)
  stage.pass(60_000)
  assert.equal(stage.takeAsked(), [])
})

steward('answers from others than the one that was asked do not count', () => {
  const stage = Stage.of(3)
  const id = jobOf(stage, 'm1')
  stage.putJob(spec({ id, count: 1 }))
  const [asked] = stage.takeAsked()
  const stranger = ['m1', 'm2', 'm3'].find((member) => member !== asked!.to)!
  stage.decline({ ...asked!, to: stranger })
  assert.equal(stage.takeAsked(), [])
})

steward('slots of a dead member are placed again, of a suspect one not', () => {
  const stage = Stage.of(3)
  const id = jobOf(stage, 'm1')
  stage.putJob(spec({ id, count: 3 }))
  stage.acceptAll()
  stage.setState('m2', 'suspect')
  stage.pass(60_000)
  assert.equal(stage.takeAsked(), [])
  stage.setState('m2', 'down')
  const asked = stage.takeAsked()
  assert.is(asked.length, 1)
  assert.is.not(asked[0]!.to, 'm2')
})

steward('a job can be patient with its lost slots, and a member can say when it is back', () => {
  const table: [job: object, awayMs: number | null, waitsMs: number][] = [
    [{}, null, 0],
    [{ lostAfter: '30s' }, null, 30_000],
    [{}, 45_000, 45_000],
    [{ lostAfter: '30s' }, 10_000, 30_000],
  ]
  for (const [change, awayMs, waitsMs] of table) {
    const stage = Stage.of(3)
    const id = jobOf(stage, 'm1')
    stage.putJob(spec({ id, count: 3, ...change }))
    stage.acceptAll()
    if (awayMs !== null) stage.addNode('m2', { name: 'n2', awayUntil: stage.now + awayMs })
    stage.setState('m2', 'down')
    if (waitsMs > 0) {
      stage.pass(waitsMs - 1)
      assert.equal(stage.takeAsked(), [])
      stage.pass(1)
    }
    assert.is(stage.takeAsked().length, 1, JSON.stringify([change, awayMs]))
  }
})

steward('one that comes back in time keeps its slots', () => {
  const stage = Stage.of(3)
  const id = jobOf(stage, 'm1')
  stage.putJob(spec({ id, count: 3, lostAfter: '30s' }))
  stage.acceptAll()
  stage.setState('m2', 'down')
  stage.pass(29_000)
  stage.setState('m2', 'alive')
  stage.pass(60_000)
  assert.equal(stage.takeAsked(), [])
})

steward('the next steward goes on where the last one was', () => {
  const stage = Stage.of(4)
  const id = jobOf(stage, 'm1')
  stage.putJob(spec({ id, count: 3 }))
  const [first, second] = stage.takeAsked()
  stage.accept(first!, healthy)
  const successor = [2, 3, 4]
    .map((i) => new Stage({ self: `m${i}`, seed: i, like: stage }))
    .map((other) => {
      other.pass(stage.config.placementSettleMs)
      assert.equal(other.takeAsked(), [], 'not while the first is there')
      other.setState('m1', 'down')
      return other
    })
    .filter((other) => other.steward.stewardOf(id) === other.self)
  assert.is(successor.length, 1, 'there is one next')
  const slots = successor[0]!.takeAsked().map(({ request }) => request.slot)
  const lostToo = first!.to === 'm1' ? [first!.request.slot] : []
  const missing = [0, 1, 2].filter((slot) => slot !== first!.request.slot || lostToo.length > 0)
  assert.equal(slots, missing)
  assert.ok(second)
})

steward('a member that has just started decides nothing until it may know enough', () => {
  const stage = new Stage()
  stage.addNode('m1')
  stage.addNode('m2')
  stage.putJob(spec({ count: 1 }))
  stage.putJob(spec({ id: jobOf(stage, 'm1'), count: 1 }))
  assert.equal(stage.takeAsked(), [])
  stage.pass(stage.config.placementSettleMs)
  assert.ok(stage.takeAsked().length > 0)
})

steward('an old job that arrives only now waits for the rest of its story', () => {
  const stage = Stage.of(3)
  const id = jobOf(stage, 'm1')
  const later = 60_000
  stage.pass(later)
  const stamp = (stage.now - later) * 4096
  const spread = { author: 'm2', counter: 77, stamp, body: { generation: 1, spec: spec({ id }) } }
  stage.records.set(`job/${id}/spec`, spread as never)
  stage.refresh([`job/${id}/spec`])
  stage.pass(stage.config.placementSettleMs - 1)
  assert.equal(stage.takeAsked(), [])
  const version = stage.inventory.job(id)!.version
  const of = (slot: number): string => `${id}.${slot}.aaaaaaaa`
  for (const slot of [0, 1, 2])
    stage.place('m2', { job: id, slot, version, allocation: of(slot), failures: 0 }, healthy)
  stage.pass(60_000)
  assert.equal(stage.takeAsked(), [], 'nothing was missing')
})

steward('slots on members of which nothing is known are waited for, then lost', () => {
  const stage = Stage.of(2)
  const id = jobOf(stage, 'm1')
  stage.putJob(spec({ id, count: 1 }))
  const [asked] = stage.takeAsked()
  stage.accept({ ...asked!, to: asked!.to }, healthy)
  const again = new Stage({ like: stage })
  again.setState(asked!.to === 'm1' ? 'm2' : asked!.to, undefined)
  if (asked!.to === 'm1') return
  again.pass(stage.config.unknownMemberMs - 1)
  assert.equal(again.takeAsked(), [])
  again.pass(1)
  assert.is(again.takeAsked().length, 1)
})

steward('an update replaces slot by slot, and stops the old when the new is healthy', () => {
  const stage = Stage.of(4)
  const id = jobOf(stage, 'm1')
  stage.putJob(spec({ id, count: 3 }))
  stage.acceptAll()
  const old = stage.inventory.allocationsOf(id).map(({ body }) => body.id)
  stage.pass(10_000)
  stage.putJob(spec({ id, count: 3, tasks: [task({ env: { V: '2' } })] }), 2)
  for (let slot = 0; slot < 3; slot++) {
    const asked = stage.takeAsked()
    assert.equal(
      asked.map(({ request }) => request.slot),
      [slot],
      'one at a time',
    )
    assert.is(asked[0]!.request.replaces, old[slot])
    stage.accept(asked[0]!, { state: 'running' })
    assert.equal(stage.takeStops(), [], 'the old one serves until the new one does')
    stage.pass(3000)
    stage.change(asked[0]!.request.allocation, { healthy: true })
    assert.is(stage.takeStops().length, 1)
    stage.change(old[slot]!, { state: 'complete', healthy: false })
  }
  stage.pass(600_000)
  assert.equal([stage.takeAsked(), stage.takeStops()], [[], []])
})

steward(
  'one that turns healthy while it is asked to give way goes on, and serves until the new one does',
  () => {
    const stage = Stage.of(4)
    const id = jobOf(stage, 'm1')
    stage.putJob(spec({ id, count: 1 }))
    stage.acceptAll({ state: 'running' })
    const old = stage.inventory.allocationsOf(id)[0]!.body.id
    stage.pass(10_000)
    stage.putJob(spec({ id, count: 1, tasks: [task({ env: { V: '2' } })] }), 2)
    stage.acceptAll({ state: 'running' })
    const [stop] = stage.takeStopRequests()
    assert.equal(stop, {
      type: 'stop-request',
      allocation: old,
      reason: stop!.reason,
      unlessHealthy: true,
    })
    stage.change(old, { healthy: true })
    stage.pass(2000)
    assert.equal(stage.takeStops(), [], 'now it serves, and the new one does not')
    const fresh = stage.inventory.allocationsOf(id).find(({ body }) => body.id !== old)!.body.id
    stage.change(fresh, { healthy: true })
    const [last] = stage.takeStopRequests()
    assert.equal([last?.allocation, last?.unlessHealthy], [old, undefined])
  },
)

steward('where there is no room beside it, the old one is stopped first', () => {
  const stage = Stage.of(1)
  stage.putJob(spec({ count: 1, tasks: [task({ resources: { cpu: 700 } })] }))
  stage.acceptAll()
  const old = stage.inventory.allocationsOf('web')[0]!.body.id
  stage.putJob(spec({ count: 1, tasks: [task({ resources: { cpu: 800 } })] }), 2)
  assert.equal(stage.takeStops(), [`m1 ${old}`])
  assert.equal(stage.takeAsked(), [])
  stage.change(old, { state: 'stopping', healthy: false })
  assert.equal(stage.takeAsked(), [])
  stage.change(old, { state: 'complete' })
  assert.is(stage.acceptAll().length, 1)
})

steward('nothing is stopped first for nodes that did not answer: they may have the room', () => {
  for (const isSilent of [true, false]) {
    const stage = Stage.of(3)
    const id = jobOf(stage, 'm1')
    stage.putJob(spec({ id, count: 1 }))
    stage.acceptAll()
    const old = stage.inventory.allocationsOf(id)[0]!.body.id
    stage.pass(10_000)
    stage.putJob(spec({ id, count: 1, tasks: [task({ env: { V: '2' } })] }), 2)
    for (let second = 0; second < 60; second++) {
      for (const each of stage.takeAsked())
        if (!isSilent) stage.decline(each, 'port 80: is taken by another allocation')
      stage.pass(1000)
    }
    const stops = stage.takeStops().map((stop) => stop.split(' ')[1])
    assert.equal(new Set(stops), new Set(isSilent ? [] : [old]))
  }
})

steward('a roll-out goes on while a slot fits nowhere', () => {
  const stage = Stage.of(2)
  const id = jobOf(stage, 'm1')
  const large = (cpu: number) => ({ id, count: 3, tasks: [task({ resources: { cpu } })] })
  stage.putJob(spec(large(900)))
  assert.is(stage.acceptAll().length, 2)
  assert.equal(stage.notes, [`${id}: no node fits: cpu`])
  stage.pass(10_000)
  stage.putJob(spec(large(400)), 2)
  for (let round = 0; round < 10; round++) {
    for (const stop of stage.takeStops())
      stage.change(stop.split(' ')[1]!, { state: 'complete', healthy: false })
    stage.acceptAll()
    stage.pass(6000)
  }
  assert.equal(
    stage.inventory
      .allocationsOf(id)
      .filter(({ body }) => body.state === 'running')
      .map(({ body }) => body.resources.cpu),
    [400, 400, 400],
  )
})

steward('a new version that fails stops the roll-out after one slot', () => {
  const stage = Stage.of(4)
  const id = jobOf(stage, 'm1')
  stage.putJob(spec({ id, count: 3 }))
  stage.acceptAll()
  stage.pass(10_000)
  stage.putJob(spec({ id, count: 3, tasks: [task({ env: { V: 'bad' } })] }), 2)
  const slots = new Set<number>()
  for (let minute = 0; minute < 10; minute++) {
    for (const asked of stage.takeAsked()) {
      slots.add(asked.request.slot)
      stage.accept(asked, { state: 'running' })
      stage.change(asked.request.allocation, { state: 'failed' })
    }
    stage.pass(60_000)
  }
  assert.equal([...slots], [0])
  assert.is(stage.standing(id).length, 3, 'the old ones all serve')
  stage.putJob(spec({ id, count: 3, tasks: [task({ env: { V: 'good' } })] }), 3)
  assert.is(stage.takeAsked().length, 1, 'a better one starts at once')
})

steward(
  'a drained node is emptied beside its replacements, however full the cluster is later',
  () => {
    const stage = Stage.of(3)
    const id = jobOf(stage, 'm1')
    stage.putJob(spec({ id, count: 3 }))
    stage.acceptAll()
    stage.drain('m2')
    const [asked] = stage.takeAsked()
    assert.is.not(asked!.to, 'm2')
    assert.is(asked!.request.replaces, stage.inventory.allocationsOn('m2')[0]!.body.id)
    assert.equal(stage.takeStops(), [])
    stage.accept(asked!, healthy)
    assert.equal(stage.takeStops(), [`m2 ${asked!.request.replaces}`])
  },
)

steward('a drain that finds no room leaves the allocation where it is', () => {
  const stage = Stage.of(2)
  const id = jobOf(stage, 'm1')
  stage.putJob(spec({ id, count: 2, tasks: [task({ resources: { cpu: 800 } })] }))
  stage.acceptAll()
  stage.drain('m2')
  stage.pass(60_000)
  assert.equal([stage.takeAsked(), stage.takeStops()], [[], []])
  assert.equal(stage.notes, [`${id}: no node fits: cpu, draining`])
  stage.addNode('m3', { name: 'n3' })
  if (stage.steward.stewardOf(id) === 'm1') assert.equal(words(stage.takeAsked()).length, 1)
})

steward('a batch slot whose work is done is never run again', () => {
  const stage = Stage.of(2)
  const id = jobOf(stage, 'm1')
  stage.putJob(spec({ id, count: 2, type: 'batch' }))
  const all = stage.acceptAll()
  stage.change(all[0]!.request.allocation, { state: 'complete', healthy: false })
  stage.change(all[1]!.request.allocation, { state: 'failed', healthy: false })
  assert.equal(stage.takeAsked(), [], 'the failed one backs off')
  stage.pass(1000)
  const [again] = stage.takeAsked()
  assert.equal([again!.request.slot, again!.request.failures], [all[1]!.request.slot, 1])
  stage.accept(again!, healthy)
  stage.change(again!.request.allocation, { state: 'complete' })
  stage.setState('m2', 'down')
  stage.pass(600_000)
  assert.equal(stage.takeAsked(), [])
})

steward('scaled up, down to nothing, and deleted', () => {
  const stage = Stage.of(2)
  const id = jobOf(stage, 'm1')
  stage.putJob(spec({ id, count: 1 }))
  assert.is(stage.acceptAll().length, 1)
  stage.put(`job/${id}/count`, { count: 4 })
  assert.equal(
    stage.acceptAll().map(({ request }) => request.slot),
    [1, 2, 3],
  )
  stage.put(`job/${id}/count`, { count: 0 })
  for (const { body } of [...stage.inventory.allocationsOf(id)])
    stage.change(body.id, { state: 'complete' })
  stage.pass(60_000)
  assert.equal(stage.takeAsked(), [])
  stage.put(`job/${id}/count`, { count: 1 })
  assert.is(stage.takeAsked().length, 1)
  stage.put(`job/${id}/spec`, null)
  stage.pass(60_000)
  assert.equal(stage.takeAsked(), [])
  assert.is(stage.steward.why(id, stage.now), undefined)
})

steward('what waits is tried when there is room, the most important and oldest first', () => {
  const stage = Stage.of(1)
  const large = [task({ resources: { cpu: 1000 } })]
  stage.putJob(spec({ id: 'full', count: 1, tasks: large }))
  stage.acceptAll()
  for (const [id, priority] of [
    ['second', 50],
    ['third', 50],
    ['last', 10],
    ['first', 90],
  ] as const) {
    stage.pass(10)
    stage.putJob(spec({ id, count: 1, priority, tasks: large }))
  }
  assert.equal(stage.takeAsked(), [])
  assert.is(stage.notes.length, 4)
  const served: string[] = []
  for (let last = 'full', i = 0; i < 4; i++) {
    const standing = stage.inventory.allocationsOf(last)[0]!.body.id
    stage.put(`job/${last}/spec`, null)
    stage.change(standing, { state: 'complete', healthy: false })
    const [asked] = stage.acceptAll()
    last = asked!.request.job
    served.push(last)
  }
  assert.equal(served, ['first', 'second', 'third', 'last'])
})

steward('a node that joins or has more room ends the waiting', () => {
  const stage = Stage.of(1)
  stage.putJob(spec({ count: 1, tasks: [task({ resources: { cpu: 3000 } })] }))
  assert.equal(stage.notes, ['web: no node fits: cpu'])
  stage.setAvailability('m1', { cpu: 2000, memory: 2000 })
  assert.equal(stage.takeAsked(), [])
  stage.setAvailability('m1', { cpu: 4000, memory: 4000 })
  assert.is(stage.takeAsked().length, 1)
})

steward('many that wait cost no walk each: one look per shape', () => {
  const stage = Stage.of(1)
  const large = [task({ resources: { cpu: 3000 } })]
  for (let i = 0; i < 500; i++) stage.putJob(spec({ id: `job-${i}`, count: 2, tasks: large }))
  assert.is(stage.notes.length, 500, 'each is told once')
  stage.pass(10 * stage.config.waitingRetryMs)
  assert.is(stage.notes.length, 500)
  stage.setAvailability('m1', { cpu: 3500, memory: 4000 })
  assert.is(stage.takeAsked().length, 1)
})

steward('never more requests under way than the limit, and all are served in the end', () => {
  const stage = Stage.of(1, {
    node: { capacity: { cpu: 1_000_000, memory: 1_000_000, disk: 0, gpu: 0 } },
  })
  stage.putJob(spec({ count: 1000, tasks: [task({ resources: { cpu: 10, memory: 10 } })] }))
  const first = stage.takeAsked()
  assert.is(first.length, limits.pendingPlacementsAtFirst)
  const slots = first.map(({ request }) => request.slot)
  for (const each of first) stage.accept(each, healthy)
  for (let i = 0; i < 100 && slots.length < 1000; i++) {
    stage.pass(100)
    slots.push(...stage.acceptAll().map(({ request }) => request.slot))
  }
  assert.equal(
    slots.sort((a, b) => a - b),
    Array.from({ length: 1000 }, (_, slot) => slot),
  )
})

steward('stewards that compete for the same node: each slot is placed once, in few rounds', () => {
  const jobs = 200
  const first = Stage.of(20)
  const all = [first]
  for (let i = 2; i <= 20; i++) all.push(new Stage({ self: `m${i}`, seed: i, like: first }))
  for (const stage of all) stage.pass(first.config.placementSettleMs)
  for (const stage of all) stage.now = first.now = Math.max(first.now, stage.now)
  const need = { cpu: 90, memory: 90, disk: 0, gpu: 0 }
  const keys: string[] = []
  for (let i = 0; i < jobs; i++) {
    const body = {
      generation: 1,
      spec: spec({ id: `job-${i}`, count: 1, tasks: [task({ resources: need })] }),
    }
    const key = `job/job-${i}/spec`
    const stamp = first.now * 4096
    first.records.set(key, { author: 'm9', counter: i + 1000, stamp, body } as never)
    keys.push(key)
  }
  for (const stage of all) stage.refresh(keys)
  const taken = new Map<string, number>()
  const placed = new Map<string, number>()
  let asks = 0
  let rounds = 0
  for (let round = 0; round < 100 && placed.size < jobs; round++) {
    const asked = all.flatMap((stage) => stage.takeAsked().map((each) => ({ stage, ...each })))
    asks += asked.length
    rounds += 1
    for (const { stage, to, request } of asked) {
      const used = taken.get(to) ?? 0
      if (used + need.cpu > 1000) {
        stage.setAvailability(to, { cpu: 1000 - used, memory: 1000 - used })
        stage.decline({ to, request })
      } else {
        taken.set(to, used + need.cpu)
        placed.set(request.job, (placed.get(request.job) ?? 0) + 1)
        stage.accept({ to, request }, healthy)
      }
    }
    const spread = [...first.records.keys()].filter((name) => name.startsWith('alloc/'))
    for (const stage of all) {
      stage.pass(20)
      stage.refresh(spread)
    }
  }
  assert.is(placed.size, jobs)
  assert.ok(
    [...placed.values()].every((times) => times === 1),
    'none is placed twice',
  )
  assert.ok(asks <= 4 * jobs, `${asks} asks for ${jobs} jobs`)
  assert.ok(rounds <= 15, `${rounds} rounds`)
})

steward.run()
