/** A trace is read as it is; a broken line is named with its file, its number and the reason. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Random } from '../../../protocol/base/random.ts'
import { BrokenTrace } from '../../../sim/trace/broken-trace.ts'
import { gpuCapacityMilli, gpuMilliOf, inflate, withGpus } from '../../../sim/trace/inflate.ts'
import { readTrace } from '../../../sim/trace/trace.ts'

const trace = suite('sim/trace')
const sample = join(import.meta.dirname, 'sample')
const nodes = 'openb_node_list_all_node.csv'
const pods = 'openb_pod_list_default.csv'

trace('members and tasks, in order of arrival', () => {
  const { members, tasks } = readTrace('alibaba-gpu-2023', sample)
  assert.is(members.length, 4)
  assert.equal(members[1], {
    name: 'sample-node-1',
    cpu: 64_000,
    memory: 262_144,
    devices: 4,
    model: 'T4',
  })
  assert.equal(
    tasks.map(({ name }) => name),
    [0, 1, 2, 3, 4].map((i) => `sample-pod-${i}`),
  )
  const [whole, share, none, never] = tasks
  assert.equal(whole?.models, ['T4', 'G2'])
  assert.equal([share?.devices, share?.shareMilli], [1, 500])
  assert.equal([none?.devices, none?.shareMilli, none?.durationMs], [0, 0, 1000])
  assert.equal([share?.arrivalMs, share?.durationMs], [60_000, 3_599_000])
  assert.is(never?.durationMs, 60_000, 'what was never scheduled counts from its creation')
})

trace('sped up by any factor', () => {
  const { tasks } = readTrace('alibaba-gpu-2023', sample, 100)
  assert.equal([tasks[1]?.arrivalMs, tasks[1]?.durationMs], [600, 35_990])
  const slowed = readTrace('alibaba-gpu-2023', sample, 0.5)
  assert.is(slowed.tasks[1]?.arrivalMs, 120_000)
  assert.throws(() => readTrace('alibaba-gpu-2023', sample, 0), /speed-up of 0/)
})

/** The sample with one line of one file replaced. */
function broken(file: string, line: number, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'trace-'))
  try {
    cpSync(sample, folder, { recursive: true })
    const lines = readFileSync(join(folder, file), 'utf8').split('\n')
    lines[line - 1] = text
    writeFileSync(join(folder, file), lines.join('\n'))
    readTrace('alibaba-gpu-2023', folder)
    return 'nothing is wrong'
  } catch (error) {
    assert.instance(error, BrokenTrace)
    return (error as Error).message.replace(`${folder}/`, '')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

trace('a broken line: its file, its number, the reason', () => {
  const table: [file: string, line: number, text: string, message: string][] = [
    [nodes, 1, 'sn,cpu_milli,memory_mib,gpu', ':1: there is no column model'],
    [nodes, 2, 'x,32000,131072', ':2: has 3 fields instead of 5'],
    [nodes, 3, 'x,64000,262144,four,T4', ':3: gpu: "four" is not a whole number'],
    [nodes, 3, 'x,64000,262144,4,', ':3: model is empty, but there are GPUs'],
    [nodes, 4, ',96000,393216,8,G2', ':4: sn is empty'],
    [nodes, 4, 'sample-node-0,96000,393216,8,G2', ':4: sample-node-0 is there twice'],
    [nodes, 5, 'x,0,61440,2,P100', ':5: a machine needs CPU and memory'],
    [pods, 2, 'x,4,8,1,0,,LS,Running,60,3660,61', ':2: gpu_milli: 0 is not a share of one GPU'],
    [
      pods,
      3,
      'x,4,8,2,500,,LS,Running,60,3660,61',
      ':3: gpu_milli: 2 GPUs can only be whole ones, not 500',
    ],
    [pods, 4, 'x,-4,8,0,0,,LS,Running,1,2,1', ':4: cpu_milli: "-4" is not a whole number'],
    [pods, 5, 'x,4,8,0,0,,LS,Running,9,8,9', ':5: deleted at 8, before it was created at 9'],
    [pods, 6, '', ':6: has 1 fields instead of 11'],
  ]
  for (const [file, line, text, message] of table)
    assert.is(broken(file, line, text), `${file}${message}`)
})

trace('what cannot be read at all', () => {
  assert.throws(
    () => readTrace('alibaba-gpu-2023', join(sample, 'nowhere')),
    /openb_node_list_all_node.csv: there is no such file/,
  )
  assert.throws(() => readTrace('borg', sample), /no trace format borg; known: alibaba-gpu-2023/)
})

trace(
  'inflated until the GPUs are asked for more than once over, the same for the same seed',
  () => {
    const { members, tasks } = readTrace('alibaba-gpu-2023', sample)
    const capacity = gpuCapacityMilli(members)
    assert.is(capacity, 14_000)
    for (const ratio of [0.5, 1.3]) {
      const drawn = inflate(tasks, ratio * capacity, new Random(7))
      const demand = drawn.reduce((sum, task) => sum + gpuMilliOf(task), 0)
      assert.ok(demand >= ratio * capacity)
      assert.ok(demand <= ratio * capacity + 8000, 'by one task at most')
      assert.equal(drawn, inflate(tasks, ratio * capacity, new Random(7)))
      assert.not.equal(drawn, inflate(tasks, ratio * capacity, new Random(8)))
    }
    const all = new Set(inflate(tasks, 1.3 * capacity, new Random(7)))
    assert.is(all.size, tasks.length, 'the whole trace is in it')
    assert.is(withGpus(members).length, 3)
  },
)

trace.run()
