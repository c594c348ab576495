/** From the submission of a process job of one instance to its being seen running, five agents. */
import { LocalCluster, until } from '../cluster.ts'
import { atMost, type Figure, percentile } from './figure.ts'

export async function benchStart(times: number): Promise<Figure[]> {
  const cluster = await LocalCluster.start({ agents: 5 })
  try {
    const took: number[] = []
    for (let i = 0; i < times + 3; i++) {
      const agent = cluster.agents[i % 5]!
      const startedAt = performance.now()
      await agent.request('POST', '/v1/jobs', {
        id: `start-${i}`,
        tasks: [{ name: 'main', process: { command: ['sleep', '60'] } }],
      })
      const isRunning = async () => {
        const job = await agent.get<{ running: number }>(`/v1/jobs/start-${i}`)
        return job.running === 1
      }
      while (!(await isRunning())) await new Promise((resolve) => setTimeout(resolve, 2))
      // The first three warm up the code.
      if (i >= 3) took.push(performance.now() - startedAt)
      await agent.request('DELETE', `/v1/jobs/start-${i}`)
      await until(() => agent.taskPids().length === 0, 'it ended', 15_000)
    }
    return [
      atMost(150, {
        name: 'submit → running, process, 5 agents',
        value: percentile(took, 50),
        unit: 'ms',
        note: `p99 ${percentile(took, 99).toFixed(0)} ms of ${times}`,
      }),
    ]
  } finally {
    await cluster.stop()
  }
}
