import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { AllocationBody } from '../../../protocol/placement/allocation.ts'
import { type MemberRecords, winnerOf } from '../../../protocol/placement/duplicate.ts'
import type { Placed } from '../../../protocol/placement/inventory.ts'
import { node, spec, startMs } from './machine.ts'
import { stampsPerMs } from './stage.ts'

const duplicates = suite('two live allocations of one slot')

const capacity = { cpu: 1000, memory: 1000, disk: 0, gpu: 0 }
const records: MemberRecords = {
  node: () => node({ capacity }),
  isDraining: (member) => member === 'drained',
  committed: (member) => ({
    ...capacity,
    cpu: member === 'full' ? 1000 : 0,
    memory: member === 'full' ? 1000 : 0,
  }),
}

type OnHeal = 'keep-original' | 'keep-replacement' | 'longest-running' | 'best-score'

function job(onHeal: OnHeal) {
  return { id: 'web', spec: spec({ onHeal }), essence: 'e', born: 0 }
}

function placed(member: string, change: Partial<AllocationBody> = {}): Placed {
  const body: AllocationBody = {
    id: `web.0.${member}`,
    job: 'web',
    slot: 0,
    version: '2-b',
    essence: 'e',
    state: 'running',
    healthy: true,
    resources: capacity,
    ports: {},
    tasks: [],
    createdStamp: startMs * stampsPerMs,
    runningSince: startMs,
    reason: null,
    failures: 0,
    ...change,
  }
  return { member, stamp: body.createdStamp, body }
}

const early = { createdStamp: 1, runningSince: 5 }
const late = { createdStamp: 2, runningSince: 4 }

duplicates('who stays', () => {
  const table: [string, OnHeal, Placed, Placed][] = [
    ['the original', 'keep-original', placed('a', early), placed('b', late)],
    ['the replacement', 'keep-replacement', placed('b', late), placed('a', early)],
    ['the longest running', 'longest-running', placed('b', late), placed('a', early)],
    [
      'any that runs',
      'longest-running',
      placed('a', late),
      placed('b', { ...early, runningSince: null }),
    ],
    ['the fuller node', 'best-score', placed('full', late), placed('b', early)],
    [
      'the current version',
      'keep-original',
      placed('b', late),
      placed('a', { ...early, essence: 'was' }),
    ],
    [
      'an equivalent version is current',
      'keep-original',
      placed('a', { ...early, version: '1-a' }),
      placed('b', late),
    ],
    ['not on a draining node', 'keep-original', placed('b', late), placed('drained', early)],
  ]
  for (const [rule, onHeal, winner, loser] of table) {
    assert.is(winnerOf(job(onHeal), [winner, loser], records), winner, rule)
    assert.is(
      winnerOf(job(onHeal), [loser, winner], records),
      winner,
      `${rule}, in the other order`,
    )
  }
})

duplicates('none of none, the one of one', () => {
  assert.is(winnerOf(job('keep-original'), [], records), undefined)
  const only = placed('a')
  assert.is(winnerOf(job('keep-original'), [only], records), only)
})

duplicates('everyone finds the same winner, in whatever order it learned of them', () => {
  const member = fc.constantFrom('a', 'b', 'c', 'full', 'drained')
  const body = fc.record({
    version: fc.constantFrom('2-b', '1-a'),
    essence: fc.constantFrom('e', 'was'),
    createdStamp: fc.nat({ max: 2 }),
    runningSince: fc.option(fc.nat({ max: 2 })),
  })
  const live = fc
    .array(fc.tuple(member, body), { minLength: 1, maxLength: 6 })
    .map((all) => all.map(([on, change], i) => placed(on, { ...change, id: `web.0.${i}` })))
  const onHeal = fc.constantFrom<OnHeal>(
    'keep-original',
    'keep-replacement',
    'longest-running',
    'best-score',
  )
  fc.assert(
    fc.property(live, onHeal, fc.infiniteStream(fc.nat()), (all, policy, draws) => {
      const winner = winnerOf(job(policy), all, records)
      const order = new Map(all.map((each) => [each, draws.next().value as number]))
      const shuffled = [...all].sort((x, y) => order.get(x)! - order.get(y)!)
      assert.is(winnerOf(job(policy), shuffled, records), winner)
      const losers = shuffled.filter((each) => each !== winner)
      const pairs = losers.map((each) => winnerOf(job(policy), [each, winner!], records))
      assert.ok(
        pairs.every((each) => each === winner),
        'it beats each of the others alone',
      )
    }),
  )
})

duplicates.run()
