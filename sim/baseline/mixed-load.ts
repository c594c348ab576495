/**
 * A made-up cluster of mixed machines and the tasks to fill it: 8, 16 and 32 cores with 4 GiB each, in equal
 * numbers, and log-normal tasks (σ = 1, CPU and memory correlated by a half) of which some 24 fit on the
 * mean machine. No task takes more than half of the smallest machine. Together they ask as often for the CPU
 * as for the memory that there is.
 */
import type { Random } from '../../protocol/base/random.ts'
import type { Demand, TraceMember } from '../trace/trace.ts'

const cores = [8, 16, 32]
const memoryPerCore = 4096
const tasksPerMachine = 24
/** e^(σ²/2): the mean of the log-normal over its median. */
const meanOverMedian = Math.exp(0.5)
const largest = 4000
const smallest = 10

export function mixedMembers(count: number): TraceMember[] {
  return Array.from({ length: count }, (_, i) => {
    const size = cores[i % cores.length]!
    const name = `member-${String(i).padStart(6, '0')}`
    return { name, cpu: size * 1000, memory: size * memoryPerCore, devices: 0, model: '' }
  })
}

/** Tasks that ask for `ratio` of the CPU of all machines. */
export function mixedTasks(
  members: readonly TraceMember[],
  ratio: number,
  random: Random,
): Demand[] {
  const capacity = members.reduce((sum, { cpu }) => sum + cpu, 0)
  const median = capacity / members.length / tasksPerMachine / meanOverMedian
  const tasks: Demand[] = []
  for (let asked = 0; asked < ratio * capacity; ) {
    const z = normal(random)
    const other = (z + Math.sqrt(3) * normal(random)) / 2
    const cpu = sized(median * Math.exp(z))
    const memory = Math.floor((sized(median * Math.exp(other)) * memoryPerCore) / 1000)
    tasks.push({ cpu, memory, devices: 0, shareMilli: 0, models: [] })
    asked += cpu
  }
  return tasks
}

function sized(millicores: number): number {
  return Math.round(Math.max(smallest, Math.min(largest, millicores)))
}

/** Twelve uniform draws less six: near enough to a normal one, and bounded. */
function normal(random: Random): number {
  let sum = -6
  for (let i = 0; i < 12; i++) sum += random.uint32() / 2 ** 32
  return sum
}
