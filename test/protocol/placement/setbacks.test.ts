/** A slot that has failed on a node goes to another one, where there is another. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { spec } from './machine.ts'
import { Stage } from './stage.ts'

const setbacks = suite('placement/setbacks')

/** The members on which the slot has been tried, when each try fails. */
function tries(stage: Stage, count: number): string[] {
  const tried: string[] = []
  for (let i = 0; i < count; i++) {
    const request = nextAsked(stage)
    tried.push(request.to)
    stage.accept(request, { state: 'failed' })
  }
  return tried
}

/** Answered at once: a silence would be held against the member too. */
function nextAsked(stage: Stage) {
  for (let waitedMs = 0; waitedMs < 120_000; waitedMs += 100) {
    const [request] = stage.takeAsked()
    if (request !== undefined) return request
    stage.pass(100)
  }
  throw new Error('nobody is asked')
}

setbacks('each node has its turn before one has its second', () => {
  const stage = Stage.of(3)
  stage.putJob(spec({ count: 1 }))
  assert.equal(tries(stage, 3).sort(), ['m1', 'm2', 'm3'])
})

setbacks('a failure counts for the slot that failed, and for no other', () => {
  const stage = Stage.of(2)
  stage.putJob(spec({ count: 2 }))
  const asked = stage.takeAsked()
  const failed = asked.find(({ request }) => request.slot === 0)!
  stage.accept(failed, { state: 'failed' })
  const scoreOf = (slot: number) =>
    stage.steward
      .why('web', stage.now)!
      .slots[slot]!.candidates.find(({ member }) => member === failed.to)!.score!
  assert.ok(scoreOf(0) >= 2 ** 33)
  assert.ok(scoreOf(1) < 2 ** 33)
})

setbacks('where there is no other node, the same is tried again', () => {
  const stage = Stage.of(1)
  stage.putJob(spec({ count: 1 }))
  assert.equal(tries(stage, 2), ['m1', 'm1'])
})

setbacks('what failed with another version does not count', () => {
  const stage = Stage.of(2)
  stage.putJob(spec({ count: 1 }))
  const [first] = stage.takeAsked()
  stage.accept(first!, { state: 'failed' })
  const other = { ...spec().tasks[0]!, env: { A: 'b' } }
  stage.putJob(spec({ count: 1, tasks: [other] }))
  const candidates = stage.steward.why('web', stage.now)!.slots[0]!.candidates
  const scores = Object.fromEntries(candidates.map(({ member, score }) => [member, score]))
  assert.ok(scores[first!.to]! < 2 ** 33, 'no setback is held against it')
})

setbacks.run()
