/** GPUs: what becomes useless, to whom, and that the score keeps it small. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Candidate, refusalOf, wishOf } from '../../../protocol/placement/feasibility.ts'
import {
  devicesFit,
  fragmentationGrowth,
  type GpuKind,
} from '../../../protocol/placement/fragmentation.ts'
import { GpuDemand } from '../../../protocol/placement/gpu-demand.ts'
import { Occupancy } from '../../../protocol/placement/occupancy.ts'
import type { Resources } from '../../../protocol/placement/resources.ts'
import { scoreOf } from '../../../protocol/placement/score.ts'
import { node, spec, task } from './machine.ts'

const fragmentation = suite('fragmentation of GPUs')

function resources(cpu: number, gpu: number): Resources {
  return { cpu, memory: 0, disk: 0, gpu }
}

const one: GpuKind = { cpu: 4, gpu: 1, slots: 3 }
const eight: GpuKind = { cpu: 32, gpu: 8, slots: 1 }

fragmentation('whole devices: the mean over the kinds, in thousandths', () => {
  const table: [why: string, need: Resources, free: Resources, growth: number][] = [
    [
      'eight free are of use to all; seven are useless to a quarter',
      resources(4, 1),
      resources(64, 8),
      1750,
    ],
    ['the quarter loses nothing more', resources(4, 1), resources(64, 7), -250],
    ['CPU that free devices need', resources(62, 0), resources(64, 8), 8000],
    ['CPU that they do not need', resources(32, 0), resources(64, 8), 0],
    ['nothing free, nothing lost', resources(60, 0), resources(64, 0), 0],
  ]
  for (const [why, need, free, growth] of table)
    assert.is(fragmentationGrowth(need, { free }, [one, eight]), growth, why)
})

fragmentation('shared devices: a share goes where it hurts least', () => {
  const kinds: GpuKind[] = [
    { cpu: 1, gpu: 1000, slots: 1 },
    { cpu: 1, gpu: 500, slots: 1 },
  ]
  const at = (need: number, devices: number[]): number => {
    const free = resources(
      8,
      devices.reduce((sum, left) => sum + left, 0),
    )
    return fragmentationGrowth(resources(1, need), { free, devices }, kinds)
  }
  assert.is(at(500, [1000, 500]), -250, 'the half that is useless to one kind')
  assert.is(at(500, [1000]), 250, 'a whole device loses its use to one kind')
  assert.is(at(400, [1000, 700]), -50, '300 useless to both, after 700 useless to one')
})

fragmentation('devices fit', () => {
  const table: [gpu: number, devices: number[], fits: boolean][] = [
    [0, [], true],
    [600, [500, 500], false],
    [600, [500, 600], true],
    [2000, [1000, 999, 1000], true],
    [2000, [1000, 999, 999], false],
  ]
  for (const [gpu, devices, fits] of table)
    assert.is(devicesFit(resources(0, gpu), devices), fits, `${gpu} of ${devices}`)
})

fragmentation(
  'growth is what is useless after, less what was before: slots that are no kind at all too',
  () => {
    const kind = fc.record({
      cpu: fc.nat(9),
      gpu: fc.integer({ min: 1, max: 8 }),
      slots: fc.integer({ min: 1, max: 9 }),
    })
    fc.assert(
      fc.property(
        fc.array(kind, { maxLength: 6 }),
        fc.nat(9),
        fc.nat(8),
        fc.nat(20),
        fc.nat(8),
        (kinds, cpu, gpu, moreCpu, moreGpu) => {
          const free = resources(cpu + moreCpu, gpu + moreGpu)
          const whole = fragmentationGrowth(resources(cpu, gpu), { free }, kinds)
          const thousandths = kinds.map((each) => ({ ...each, gpu: each.gpu * 1000 }))
          const devices = new Array<number>(free.gpu).fill(1000)
          const shared = fragmentationGrowth(
            resources(cpu, gpu * 1000),
            { free: resources(free.cpu, free.gpu * 1000), devices },
            thousandths,
          )
          assert.is(shared, whole, 'whole devices are a case of shared ones')
          assert.ok(whole >= -1000 * free.gpu && whole <= 1000 * (free.gpu - gpu))
        },
      ),
    )
  },
)

const nodes: { readonly [name: string]: Resources } = {
  wide: { cpu: 104_000, memory: 1000, disk: 0, gpu: 2 },
  narrow: { cpu: 16_000, memory: 1000, disk: 0, gpu: 2 },
  plain: { cpu: 16_000, memory: 1000, disk: 0, gpu: 0 },
}

function best(need: Resources, kinds: readonly GpuKind[]): string {
  const wish = wishOf(spec({ type: 'batch', tasks: [task({ resources: need })] }), undefined, kinds)
  const occupancy = new Occupancy(wish.spec, () => undefined)
  const scored = Object.entries(nodes).flatMap(([name, capacity]): [number, string][] => {
    const body = node({ name, capacity })
    const candidate: Candidate = {
      member: name,
      state: 'alive',
      node: body,
      draining: false,
      free: capacity,
    }
    if (refusalOf(wish, candidate, occupancy, 0) !== undefined) return []
    return [[scoreOf(wish, candidate, occupancy), name]]
  })
  return scored.sort((a, b) => a[0] - b[0])[0]![1]
}

fragmentation(
  'the score: a GPU slot does not strand its neighbour, other slots leave CPU to GPUs',
  () => {
    const kinds = [{ cpu: 8000, gpu: 1, slots: 1 }]
    assert.is(best({ cpu: 12_000, memory: 10, disk: 0, gpu: 1 }, kinds), 'wide')
    assert.is(best({ cpu: 8000, memory: 10, disk: 0, gpu: 1 }, kinds), 'narrow')
    assert.is(best({ cpu: 16_000, memory: 10, disk: 0, gpu: 0 }, kinds), 'plain')
  },
)

fragmentation('no growth outweighs one more slot of a service on a node', () => {
  const kinds = [{ cpu: 1, gpu: 1024, slots: 1 }]
  const wish = wishOf(
    spec({ tasks: [task({ resources: { cpu: 1, memory: 1, gpu: 1 } })] }),
    undefined,
    kinds,
  )
  const capacity = { cpu: 1000, memory: 1000, disk: 0, gpu: 1024 }
  const candidate: Candidate = {
    member: 'm',
    state: 'alive',
    node: node({ capacity }),
    draining: false,
    free: capacity,
  }
  const none = new Occupancy(wish.spec, () => undefined)
  const taken = new Occupancy(wish.spec, () => undefined)
  taken.add('full')
  const worst = scoreOf(wish, candidate, none)
  const free = { cpu: 1, memory: 1, disk: 0, gpu: 1 }
  const crowded = scoreOf(wish, { ...candidate, member: 'full', free }, taken)
  assert.ok(worst < crowded, `${worst} < ${crowded}`)
})

fragmentation('kinds are a function of the jobs, whatever the order and the detours', () => {
  const jobs = ['a', 'b', 'c'].map((id, i) => ({
    id,
    count: i + 1,
    spec: spec({ id, tasks: [task({ resources: { cpu: 100, memory: 1, gpu: i === 2 ? 1 : i } })] }),
  }))
  const demand = new GpuDemand()
  for (const job of jobs) demand.note(job.id, job)
  assert.equal(demand.kinds(), [{ cpu: 100, gpu: 1, slots: 5 }])
  const other = new GpuDemand()
  for (const job of [...jobs].reverse()) other.note(job.id, { ...job, count: 9 })
  for (const job of jobs) other.note(job.id, job)
  assert.equal(other.kinds(), demand.kinds())
  const third = new GpuDemand()
  third.adopt(other)
  for (const job of jobs) third.note(job.id, undefined)
  assert.equal(third.kinds(), [])
  assert.equal(other.kinds(), demand.kinds())
})

fragmentation.run()
