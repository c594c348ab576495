/** Snapshots of simulated clusters, as an agent would have written them. */
import { snapshotFormat, snapshotRecord } from '../../../protocol/snapshot.ts'
import { Simulator, type SimulatorOptions } from '../../../sim/simulator.ts'
import { startWarm } from '../../../sim/warm-start.ts'
import { runToRest } from '../../../sim/what-if/rest.ts'

const second = 1_000_000

export interface MadeOptions extends Partial<SimulatorOptions> {
  readonly jobs: readonly object[]
}

/** After the jobs have been submitted, one after the other, and all run. */
export function madeSnapshot({ jobs, ...options }: MadeOptions): string {
  // No seed of a forecast: what is drawn again would have the same name.
  const simulator = new Simulator({ seed: 90_001, members: 5, ...options })
  for (const host of simulator.hosts) host.runtime.failedPpm = 0
  startWarm(simulator)
  simulator.run(3 * second)
  for (const spec of jobs) {
    submit(simulator, spec)
    simulator.run(2 * second)
  }
  if (runToRest(simulator, 20 * second) === undefined)
    throw new Error('the cluster did not come to rest')
  return snapshotText(simulator)
}

function submit({ hosts }: Simulator, spec: object): void {
  const command = { type: 'submit-job', spec, mode: 'create', ifMatch: null, copies: null } as const
  hosts[0]!.request(command, (reply) => {
    if (!reply.ok) throw new Error(reply.problem.detail)
  })
}

export function snapshotText(simulator: Simulator): string {
  const [host] = simulator.up()
  const view = host!.core.view()
  return JSON.stringify({
    format: snapshotFormat,
    at: simulator.epochMs + Math.floor(simulator.nowUs / 1000),
    self: host!.id,
    version: 'sim',
    digest: view.digest(),
    counts: view.counts(),
    config: simulator.config,
    nodes: view.nodes(),
    jobs: view.jobs(),
    allocations: view.allocations(),
    records: [...view.records()].map(snapshotRecord),
  })
}

export function job(id: string, count: number, cpu = 100, memory = 64, extra: object = {}): object {
  const task = { name: 'main', process: { command: ['serve'] }, resources: { cpu, memory } }
  return { id, count, tasks: [task], ...extra }
}

/** A dozen jobs of several sizes: services, one that is spread, a batch, and one on every node. */
export const mixedJobs: readonly object[] = [
  job('web', 10, 200, 128),
  job('api', 4, 300, 256, { spread: [{ attribute: 'zone' }] }),
  job('crunch', 3, 500, 200, { type: 'batch' }),
  job('agentd', 1, 50, 32, { type: 'system' }),
  ...Array.from({ length: 8 }, (_, i) => job(`j${i}`, 2 + (i % 3), 100 + 30 * i, 60 + 40 * i)),
]
