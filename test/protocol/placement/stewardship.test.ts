import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Random } from '../../../protocol/base/random.ts'
import { Stewardship } from '../../../protocol/placement/stewardship.ts'

const stewards = suite('stewardship')
const capacity = { cpu: 8000, memory: 32_768, disk: 0, gpu: 0 }
const members = ['m1', 'm2', 'm3', 'm4', 'm5', 'm6']

type Step =
  | { type: 'members'; changes: [string, boolean | 'large'][] }
  | { type: 'job'; job: string; exists: boolean }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant('members' as const),
    changes: fc.array(
      fc.tuple(fc.constantFrom(...members), fc.constantFrom(true, false, 'large' as const)),
      { maxLength: 3 },
    ),
  }),
  fc.record({
    type: fc.constant('job' as const),
    job: fc.nat({ max: 60 }).map((n) => `job-${n}`),
    exists: fc.boolean(),
  }),
)

stewards('what is told as gained and lost adds up to what a look at every job finds', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const stewardship = new Stewardship('m1')
      const jobs = new Set<string>()
      const mine = new Set<string>()
      for (const each of steps) {
        if (each.type === 'members') {
          const changes = new Map(each.changes.map(([member, to]) => [member, capacityOf(to)]))
          const { gained, lost } = stewardship.setMembers(changes)
          for (const job of gained) mine.add(job)
          for (const job of lost) mine.delete(job)
        } else if (each.exists) {
          jobs.add(each.job)
          if (stewardship.addJob(each.job)) mine.add(each.job)
        } else {
          jobs.delete(each.job)
          mine.delete(each.job)
          stewardship.removeJob(each.job)
        }
        const expected = [...jobs].filter((job) => stewardship.stewardOf(job) === 'm1').sort()
        assert.equal([...mine].sort(), expected)
        assert.equal([...jobs].filter((job) => stewardship.isMine(job)).sort(), expected)
      }
    }),
    { numRuns: 200 },
  )
})

stewards('a change of one member looks at few of many jobs', () => {
  const random = new Random(3)
  const stewardship = new Stewardship('m1')
  const all = ['m1', ...Array.from({ length: 199 }, () => random.hex(8))]
  stewardship.setMembers(new Map(all.map((member) => [member, capacity])))
  let mine = 0
  for (let i = 0; i < 10_000; i++) if (stewardship.addJob(`job-${i}`)) mine += 1
  const { gained, lost } = stewardship.setMembers(new Map([[all[50]!, undefined]]))
  assert.equal(lost, [])
  assert.ok(gained.length < 20, `${gained.length} gained of ${10_000 / 200}`)
  assert.ok(mine > 10 && mine < 150, `${mine} of about 50 are ours`)
})

function capacityOf(to: boolean | 'large'): typeof capacity | undefined {
  if (to === 'large') return { ...capacity, cpu: 32_000, memory: 131_072 }
  return to ? capacity : undefined
}

stewards.run()
