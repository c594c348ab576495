import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Random } from '../../../protocol/base/random.ts'
import { defaultConfig } from '../../../protocol/config.ts'
import { findCandidates } from '../../../protocol/placement/candidates.ts'
import { type Candidate, wishOf } from '../../../protocol/placement/feasibility.ts'
import type { JobSpec } from '../../../protocol/placement/job.ts'
import { Occupancy } from '../../../protocol/placement/occupancy.ts'
import { keyOfSlot, PlacementRing, pointsOf } from '../../../protocol/placement/placement-ring.ts'
import { type Resources, shortage, subtract } from '../../../protocol/placement/resources.ts'
import { balancedFit, scoreOf } from '../../../protocol/placement/score.ts'
import { node, spec, task } from './machine.ts'

const score = suite('score and candidates')

const zones = ['a', 'b', 'c']
const bodies = new Map(
  zones.map((zone, i) => [`m${i + 1}`, node({ name: `n${i + 1}`, labels: { zone } })]),
)

function best(
  job: JobSpec,
  slotsOn: readonly string[],
  free: Readonly<Record<string, number>>,
): string {
  const wish = wishOf(job)
  const occupancy = new Occupancy(job, (member) => bodies.get(member))
  for (const member of slotsOn) occupancy.add(member)
  const scored = [...bodies].map(([member, body]): [number, string] => {
    const amount = free[member] ?? 1000
    const left = { cpu: amount, memory: amount, disk: 0, gpu: body.capacity.gpu }
    const candidate: Candidate = { member, state: 'alive', node: body, draining: false, free: left }
    return [scoreOf(wish, candidate, occupancy), member]
  })
  return scored.sort((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : 1))[0]![1]
}

score('which is best', () => {
  const affinity = (weight: number): object => ({ attribute: 'zone', value: 'c', weight })
  const table: [string, { [field: string]: unknown }, string[], Record<string, number>, string][] =
    [
      ['the fullest that fits', {}, [], { m2: 300 }, 'm2'],
      ['a service avoids its own slots first', {}, ['m2'], { m2: 300 }, 'm1'],
      ['a batch is only packed', { type: 'batch' }, ['m2'], { m2: 300 }, 'm2'],
      ['an affinity outweighs the fit', { affinities: [affinity(100)] }, [], { m1: 200 }, 'm3'],
      ['and one slot more', { affinities: [affinity(100)] }, ['m3'], {}, 'm3'],
      ['but not two', { affinities: [affinity(100)] }, ['m3', 'm3'], {}, 'm1'],
      ['a negative one repels', { affinities: [affinity(-10)] }, [], { m3: 200, m2: 300 }, 'm2'],
      [
        'a spread comes before all',
        { spread: [{ attribute: 'zone' }] },
        ['m1', 'm1', 'm2'],
        {},
        'm3',
      ],
      [
        'also for a batch',
        { type: 'batch', spread: [{ attribute: 'zone' }] },
        ['m1'],
        { m1: 200 },
        'm2',
      ],
    ]
  for (const [rule, change, slotsOn, free, expected] of table)
    assert.is(best(spec(change), slotsOn, free), expected, rule)
})

score('the fit is balanced, and integer', () => {
  const table: [cpu: number, memory: number, fit: number][] = [
    [0, 0, 0],
    [65_536, 65_536, 13_107],
    [65_536, 0, 65_536 + 6553],
    [0, 65_536, 65_536 + 6553],
    [6554, 6554, 1310],
    [3, 4, 1],
  ]
  for (const [cpu, memory, fit] of table) assert.is(balancedFit(cpu, memory), fit)
})

score('the walk widens only as far as it must', () => {
  const members = Array.from({ length: 300 }, (_, i) => `m${i}`)
  const walkedFor = (fits: (i: number) => boolean): [seen: number, found: number] => {
    let seen = 0
    const found = findCandidates(
      members,
      (member) => {
        seen += 1
        return fits(Number(member.slice(1))) ? 1 : undefined
      },
      defaultConfig,
    )
    return [seen, found.length]
  }
  assert.equal(
    walkedFor(() => true),
    [16, 16],
  )
  assert.equal(
    walkedFor((i) => i % 2 === 1),
    [32, 16],
  )
  assert.equal(
    walkedFor((i) => i === 5),
    [128, 1],
  )
  assert.equal(
    walkedFor((i) => i === 200),
    [201, 1],
  )
  assert.equal(
    walkedFor(() => false),
    [300, 0],
  )
})

interface Fill {
  readonly utilisation: number
  readonly placed: number
}

/** Mixed nodes of 8, 16 and 32 cores, jobs of mixed sizes, until the first that fits nowhere. */
function fill(nodes: number, seed: number): Fill {
  const random = new Random(seed)
  const left = new Map<string, Resources>()
  const held = new Map<string, ReturnType<typeof node>>()
  const total = { cpu: 0, memory: 0 }
  for (let i = 0; i < nodes; i++) {
    const cores = random.pick([8, 16, 32])!
    const capacity = { cpu: cores * 1000, memory: cores * 4096, disk: 0, gpu: 0 }
    held.set(`m${i}`, node({ capacity, labels: {} }))
    left.set(`m${i}`, capacity)
    total.cpu += capacity.cpu
    total.memory += capacity.memory
  }
  const ring = PlacementRing.empty.patched(
    new Map([...held].map(([member, body]) => [member, pointsOf(body.capacity)])),
  )
  const used = { cpu: 0, memory: 0 }
  for (let placed = 0; ; placed++) {
    const cpu = size(random)
    // Half of the jobs take memory in proportion, half take another amount: as much of both in the end.
    const memory = Math.floor((random.chance(1, 2) ? cpu : size(random)) * 4.096)
    const job = spec({ id: `job-${placed}`, tasks: [task({ resources: { cpu, memory } })] })
    const wish = wishOf(job)
    const occupancy = new Occupancy(job, () => undefined)
    const candidateScore = (member: string): number | undefined => {
      const free = left.get(member)!
      if (shortage(wish.need, free) !== undefined) return undefined
      const body = held.get(member)
      const candidate: Candidate = { member, state: 'alive', node: body, draining: false, free }
      return scoreOf(wish, candidate, occupancy)
    }
    const walk = ring.walk(keyOfSlot(job.id, 0))
    const chosen = findCandidates(walk, candidateScore, defaultConfig)[0]?.member
    if (chosen === undefined)
      return { utilisation: (used.cpu / total.cpu + used.memory / total.memory) / 2, placed }
    left.set(chosen, subtract(left.get(chosen)!, wish.need))
    used.cpu += wish.need.cpu
    used.memory += wish.need.memory
  }
}

/** About 24 jobs to a node, from a hundredth of a core to six: a doubling, or its half, at each toss. */
function size(random: Random): number {
  let doublings = 0
  for (let i = 0; i < 9; i++) doublings += random.below(2)
  return 20 * 2 ** doublings + random.below(100)
}

score('500 mixed nodes are at least 95 % full when the first slot is refused', () => {
  const { utilisation, placed } = fill(500, 11)
  assert.ok(placed > 5000, `${placed} placed`)
  assert.ok(utilisation >= 0.95, `first refusal at ${(100 * utilisation).toFixed(1)} %`)
})

score.run()
