/**
 * A large cluster on which jobs run already. To place a thousand jobs among ten thousand members takes a simulator
 * half an hour; so a hundred members place them, and their records, as another author's, become those of the large
 * cluster: each allocation runs on a member of its own, and everyone knows of it.
 */
import { type MemberId, numbersPerEpoch, stampsPerMs } from '../../protocol/base/id.ts'
import { invariant } from '../../protocol/base/invariant.ts'
import { Random } from '../../protocol/base/random.ts'
import { type AllocationBody, allocationKey } from '../../protocol/placement/allocation.ts'
import {
  type Snapshot,
  type SnapshotRecord,
  snapshotFormat,
  snapshotRecord,
} from '../../protocol/snapshot.ts'
import { idOf, simulatedNode } from '../../sim/host-init.ts'
import { Simulator, type SimulatorOptions } from '../../sim/simulator.ts'
import { startWarm } from '../../sim/warm-start.ts'
import { stageOf } from '../../sim/what-if/stage.ts'

const second = 1_000_000
const placers = 100

export interface Placed {
  readonly members: number
  readonly jobs: number
  readonly seed: number
  readonly network: SimulatorOptions['network']
}

/** Its agents begin, and adopt what runs. */
export function placedCluster({ members, jobs, seed, network }: Placed): Simulator {
  const small = placeAmongFew(jobs, seed)
  const nowMs = small.epochMs + Math.floor(small.nowUs / 1000)
  const known = [...small.up()[0]!.core.view().records()].map(snapshotRecord)
  const nodes = Array.from({ length: members }, (_, i) => nodeRecord(memberOf(i), i, small))
  const records = [
    ...known.filter(({ key }) => key.startsWith('job/')),
    ...nodes,
    ...spread(known, members),
  ]
  const snapshot: Snapshot = {
    format: snapshotFormat,
    at: nowMs,
    self: memberOf(0),
    version: 'sim',
    digest: '',
    config: small.config,
    nodes: nodes.map(({ author: id }) => ({ id, state: 'alive', incarnation: 1 })),
    records,
  }
  return stageOf(snapshot, { file: 'bench', seed, network })
}

function placeAmongFew(jobs: number, seed: number): Simulator {
  const simulator = new Simulator({ seed, members: placers })
  startWarm(simulator)
  const random = new Random(seed)
  for (let i = 0; i < jobs; i++) submit(simulator, `job-${i}`, random)
  const isPlaced = () => simulator.metrics.running.tasks === jobs
  invariant(simulator.runUntil(isPlaced, 300 * second), 'all jobs are placed')
  simulator.run(10 * second)
  return simulator
}

function submit(simulator: Simulator, id: string, random: Random): void {
  const tasks = [{ name: 'main', process: { command: ['sleep', '1000'] }, ports: [], checks: [] }]
  const resources = { cpu: 10 + 10 * random.below(10), memory: 8 + 8 * random.below(16) }
  const spec = { id, count: 1, tasks: tasks.map((task) => ({ ...task, resources })) }
  const command = { type: 'submit-job', spec, mode: 'upsert', ifMatch: null, copies: null } as const
  random.pick(simulator.up())?.request(command, () => {})
}

function memberOf(index: number): MemberId {
  return idOf({ index })
}

function nodeRecord(
  author: MemberId,
  index: number,
  { hosts, epochMs }: Simulator,
): SnapshotRecord {
  const { labels, capacity } = hosts[0]!
  const body = { ...simulatedNode({ name: `n${index}`, labels, capacity }) }
  const stamp = epochMs * stampsPerMs
  return {
    key: `node/${author}`,
    author,
    counter: numbersPerEpoch + 1,
    stamp,
    replaces: null,
    body,
  }
}

/** Each live allocation goes to a member that has none. */
function spread(known: readonly SnapshotRecord[], members: number): SnapshotRecord[] {
  const live = known.filter(({ key, body }) => key.startsWith('alloc/') && isRunning(body))
  return live.map(({ stamp, body }, i) => {
    const author = memberOf(Math.floor((i * members) / live.length))
    const key = allocationKey(author, (body as AllocationBody).id)
    return { key, author, counter: numbersPerEpoch + 2, stamp, replaces: null, body }
  })
}

function isRunning(body: unknown): boolean {
  return (body as AllocationBody | null)?.state === 'running'
}
