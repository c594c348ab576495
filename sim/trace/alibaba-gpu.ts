/**
 * The GPU cluster that Alibaba published with "Beware of Fragmentation" (Weng et al., USENIX ATC 2023): the
 * repository alibaba/clusterdata, folder cluster-trace-gpu-v2023, two files read as they are.
 *
 * A task arrives when it was created. It runs from then, or from when it was scheduled where that is known,
 * to its deletion; what ended at once counts as a second. Not used: the quality of service and the phase.
 */
import { join } from 'node:path'
import { type Row, readTable } from './table.ts'
import type { Trace, TraceMember, TraceTask } from './trace.ts'

const nodeFile = 'openb_node_list_all_node.csv'
const podFile = 'openb_pod_list_default.csv'
const nodeColumns = ['sn', 'cpu_milli', 'memory_mib', 'gpu', 'model']
const podColumns = [
  'name',
  'cpu_milli',
  'memory_mib',
  'num_gpu',
  'gpu_milli',
  'gpu_spec',
  'creation_time',
  'deletion_time',
  'scheduled_time',
]

export function readAlibabaGpu(folder: string): Trace {
  return { members: readMembers(join(folder, nodeFile)), tasks: readTasks(join(folder, podFile)) }
}

function readMembers(file: string): TraceMember[] {
  const seen = new Set<string>()
  return readTable(file, nodeColumns).map((row) => {
    const member = memberOf(row)
    once(member.name, seen, row)
    return member
  })
}

function readTasks(file: string): TraceTask[] {
  const seen = new Set<string>()
  const tasks = readTable(file, podColumns).map((row) => {
    const task = taskOf(row)
    once(task.name, seen, row)
    return task
  })
  return tasks.sort((a, b) => a.arrivalMs - b.arrivalMs || (a.name < b.name ? -1 : 1))
}

function once(name: string, seen: Set<string>, row: Row): void {
  if (seen.has(name)) row.fail(`${name} is there twice`)
  seen.add(name)
}

function memberOf(row: Row): TraceMember {
  const devices = row.natural('gpu')
  const model = row.text('model')
  if (devices > 1024) row.fail(`gpu: ${devices} devices in one machine`)
  if (devices > 0 && model === '') row.fail('model is empty, but there are GPUs')
  const cpu = row.natural('cpu_milli')
  const memory = row.natural('memory_mib')
  if (cpu === 0 || memory === 0) row.fail('a machine needs CPU and memory')
  return { name: row.name('sn'), cpu, memory, devices, model: devices === 0 ? '' : model }
}

function taskOf(row: Row): TraceTask {
  const devices = row.natural('num_gpu')
  const shareMilli = devices === 0 ? 0 : row.natural('gpu_milli')
  if (devices > 0 && (shareMilli === 0 || shareMilli > 1000))
    row.fail(`gpu_milli: ${shareMilli} is not a share of one GPU`)
  if (devices > 1 && shareMilli !== 1000)
    row.fail(`gpu_milli: ${devices} GPUs can only be whole ones, not ${shareMilli}`)
  const created = row.natural('creation_time')
  const deleted = row.natural('deletion_time')
  const scheduled = row.text('scheduled_time') === '' ? created : row.natural('scheduled_time')
  if (deleted < created) row.fail(`deleted at ${deleted}, before it was created at ${created}`)
  return {
    name: row.name('name'),
    cpu: row.natural('cpu_milli'),
    memory: row.natural('memory_mib'),
    devices,
    shareMilli,
    models: row.text('gpu_spec').split('|').filter(Boolean),
    arrivalMs: created * 1000,
    durationMs: Math.max(1, deleted - Math.min(scheduled, deleted)) * 1000,
  }
}
