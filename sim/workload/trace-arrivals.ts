/**
 * The tasks of a recorded cluster as jobs: a batch job of one slot each, that runs as long as the recorded one did.
 * Our jobs ask for whole GPUs, so a share of one is asked for as one: stricter than what was recorded.
 */
import type { Arrival, ArrivalSource } from '../arrival.ts'
import type { TraceMember, TraceTask } from '../trace/trace.ts'
import { sleepCommand } from './job.ts'

export function traceArrivals(tasks: readonly TraceTask[], credit: string): ArrivalSource {
  let position = 0
  return {
    credit,
    next() {
      const task = tasks[position]
      position++
      return task === undefined ? undefined : arrivalOf(task)
    },
  }
}

function arrivalOf(task: TraceTask): Arrival {
  const runsUs = task.durationMs * 1000
  const main = {
    name: 'main',
    process: { command: sleepCommand(runsUs) },
    resources: { cpu: task.cpu, memory: task.memory, gpu: task.devices },
  }
  const constraints =
    task.models.length === 0
      ? []
      : [{ attribute: 'gpu-model', operator: 'like', value: task.models.join('|') }]
  return {
    atUs: task.arrivalMs * 1000,
    job: task.name,
    spec: { id: task.name, type: 'batch', count: 1, tasks: [main], constraints },
    runsUs: undefined,
  }
}

export function labelsOfMember({ model }: TraceMember): { readonly [key: string]: string } {
  return model === '' ? {} : { 'gpu-model': model }
}
