/** How many members a steward asks at once, and how long it waits for each. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limits } from '../../../protocol/limits.ts'
import { spec, task } from './machine.ts'
import { type Asked, healthy, jobOf, Stage } from './stage.ts'

const asks = suite('placement/asks')
const wide = { node: { capacity: { cpu: 100_000, memory: 100_000, disk: 0, gpu: 0 } } }
const small = [task({ resources: { cpu: 10, memory: 10 } })]

/** Every answer takes so long; returns how often each slot was asked for. */
function placeSlowly(stage: Stage, tookMs: number, untilMs: number): Map<number, number> {
  const times = new Map<number, number>()
  const onTheWay: { readonly at: number; readonly asked: Asked }[] = []
  for (const end = stage.now + untilMs; stage.now < end; stage.pass(50)) {
    for (const asked of stage.takeAsked()) {
      times.set(asked.request.slot, (times.get(asked.request.slot) ?? 0) + 1)
      onTheWay.push({ at: stage.now + tookMs, asked })
    }
    while (onTheWay[0] !== undefined && onTheWay[0].at <= stage.now)
      stage.accept(onTheWay.shift()!.asked, healthy)
  }
  return times
}

asks('members that answer late, but in time, are asked once', () => {
  const stage = Stage.of(50, wide)
  stage.putJob(spec({ id: jobOf(stage, 'm1'), count: 100, tasks: small }))
  const times = placeSlowly(stage, stage.config.placementTimeoutMs - 100, 30_000)
  assert.equal([...times.values()], Array(100).fill(1))
})

asks('where answers take longer than the time-out, it learns to wait', () => {
  const stage = Stage.of(50, wide)
  stage.putJob(spec({ id: jobOf(stage, 'm1'), count: 100, tasks: small }))
  const times = placeSlowly(stage, 2 * stage.config.placementTimeoutMs, 120_000)
  assert.is(times.size, 100)
  const again = [...times.values()].filter((count) => count > 1).length
  assert.ok(again > 0, 'the first were asked again')
  assert.ok(again <= 2 * limits.pendingPlacementsAtFirst, `${again} were`)
})

asks('the more answer, the more are asked at once; the more are silent, the fewer', () => {
  const stage = Stage.of(1, wide)
  stage.putJob(spec({ count: 1000, tasks: small }))
  const atOnce: number[] = []
  for (let i = 0; i < 4; i++) {
    const asked = stage.takeAsked()
    atOnce.push(asked.length)
    for (const each of asked) stage.accept(each, healthy)
    stage.pass(100)
  }
  assert.is(atOnce[0], limits.pendingPlacementsAtFirst)
  assert.ok(
    atOnce.every((count, i) => i === 0 || count > atOnce[i - 1]!),
    atOnce.join(' '),
  )
  assert.ok(stage.takeAsked().length > 2 * limits.pendingPlacementsAtFirst)
  stage.pass(10 * stage.config.placementTimeoutMs)
  stage.takeAsked()
  stage.pass(stage.config.placementTimeoutMs)
  assert.ok(stage.takeAsked().length <= limits.pendingPlacementsAtFirst)
})

asks('a member that is found dead is not waited for', () => {
  const stage = Stage.of(3)
  const id = jobOf(stage, 'm1')
  stage.putJob(spec({ id, count: 3 }))
  const asked = stage.takeAsked().filter(({ to }) => to !== 'm1')
  assert.is(asked.length, 2)
  const [gone, other] = asked.map(({ to }) => to)
  stage.pass(100)
  stage.setState(gone!, 'down')
  const again = stage.takeAsked()
  assert.is(again.length, 1)
  assert.ok(['m1', other].includes(again[0]!.to))
})

asks.run()
