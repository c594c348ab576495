/** What an agent of an idle cluster costs: share of a core and resident memory. */
import { readFileSync } from 'node:fs'
import { LocalCluster } from '../cluster.ts'
import { atMost, type Figure, median } from './figure.ts'

/** Clock ticks a second of /proc/<pid>/stat, on every Linux that Node runs on. */
const ticksPerSecond = 100

export async function benchIdle(agents: number, seconds: number): Promise<Figure[]> {
  const cluster = await LocalCluster.start({ agents })
  try {
    await wait(20)
    const before = cluster.agents.map((agent) => cpuSeconds(agent.pid))
    await wait(seconds)
    const shares = cluster.agents.map(
      (agent, i) => ((cpuSeconds(agent.pid) - before[i]!) / seconds) * 100,
    )
    const resident = cluster.agents.map((agent) => residentMiB(agent.pid))
    const cluster_ = `agent of an idle cluster of ${agents}`
    return [
      atMost(2, {
        name: `${cluster_}: CPU, median`,
        value: median(shares),
        unit: '% of a core',
        note: `most ${Math.max(...shares).toFixed(2)}, over ${seconds} s`,
      }),
      atMost(140, {
        name: `${cluster_}: resident, median`,
        value: median(resident),
        unit: 'MiB',
        note: `most ${Math.max(...resident).toFixed(0)}`,
      }),
    ]
  } finally {
    await cluster.stop()
  }
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

function residentMiB(pid: number): number {
  const kib = /VmRSS:\s+([0-9]+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) / 1024
}

function wait(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000))
}
