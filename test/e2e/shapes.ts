/** What a client reads, and questions that several end-to-end tests ask. */
import { type LocalAgent, until } from '../../scripts/cluster.ts'

export interface AllocationShape {
  readonly id: string
  readonly job: string
  readonly slot: number
  readonly node: string
  readonly nodeId: string
  readonly version: string
  readonly state: string
  readonly healthy: boolean
  readonly ports: { readonly [name: string]: number }
  readonly tasks: readonly {
    readonly name: string
    readonly pid?: number
    readonly containerId?: string
    readonly restarts: number
  }[]
}

export interface JobShape {
  readonly id: string
  readonly count: number
  readonly version: string
  readonly state: string
  readonly running: number
  readonly healthy: number
  readonly waiting: number
}

export interface NodeShape {
  readonly id: string
  readonly name: string
  readonly state: string
  readonly incarnation: number
  readonly capacity: { readonly cpu: number; readonly memory: number }
  readonly committed: { readonly cpu: number; readonly memory: number }
}

export interface ClusterShape {
  readonly self: string
  readonly digest: string
  readonly storageFailed: boolean
  readonly members: { readonly alive: number; readonly down: number; readonly left: number }
}

/** A process job that sleeps; `extra` goes into the job, `resources` into its task. */
export function sleeper(id: string, count: number, resources = {}, extra = {}) {
  const process = { command: ['sleep', '3600'] }
  return { id, count, tasks: [{ name: 'main', process, resources, stopGrace: '1s' }], ...extra }
}

/** Nothing while the agent has not heard of the job. */
export async function runningOf(agent: LocalAgent, job: string): Promise<AllocationShape[]> {
  const answer = await agent.request('GET', `/v1/jobs/${job}/allocations?limit=1000`)
  if (answer.status === 404) return []
  const { items } = (await answer.json()) as { items: AllocationShape[] }
  return items.filter((each) => each.state === 'running')
}

/** Exactly `count` allocations run, in as many slots. */
export async function isRunning(agent: LocalAgent, job: string, count: number): Promise<boolean> {
  const running = await runningOf(agent, job)
  return running.length === count && new Set(running.map(({ slot }) => slot)).size === count
}

export async function nodes(agent: LocalAgent): Promise<NodeShape[]> {
  return (await agent.get<{ items: NodeShape[] }>('/v1/nodes?limit=1000')).items
}

export async function digest(agent: LocalAgent): Promise<string> {
  return (await agent.get<ClusterShape>('/v1/cluster')).digest
}

export async function agree(agents: readonly LocalAgent[]): Promise<boolean> {
  return new Set(await Promise.all(agents.map(digest))).size === 1
}

export function pidsOf(allocations: readonly AllocationShape[]): number[] {
  return allocations.flatMap(({ tasks }) => tasks.map(({ pid }) => pid ?? 0)).sort((a, b) => a - b)
}

/** Comes to hold within the time, or the error says what is left. */
export async function settles(
  agents: readonly LocalAgent[],
  wanted: { readonly [job: string]: number },
  withinMs: number,
): Promise<number> {
  let odds: string[] = []
  const isSettled = async () => {
    odds = await discrepancies(agents, wanted)
    return odds.length === 0
  }
  try {
    return await until(isSettled, 'settled', withinMs)
  } catch (error) {
    throw new Error(`${(error as Error).message}; at odds:\n${odds.join('\n')}`)
  }
}

/**
 * What is at odds with the wanted jobs and counts: of the state that each agent has, of what it says of the
 * others' allocations, and of the processes that there are, none of which may be more than is wanted.
 */
async function discrepancies(
  agents: readonly LocalAgent[],
  wanted: { readonly [job: string]: number },
): Promise<string[]> {
  const states = await Promise.all(agents.map(stateOf))
  const odds = states.flatMap(({ name, jobs, allocations }) => {
    const ids = Object.keys(wanted).sort().join(' ')
    const known = jobs.join(' ')
    const wrong = Object.entries(wanted).filter(([job, n]) => !isExact(allocations, job, n))
    return [
      ...(known === ids ? [] : [`${name} has the jobs ${known}`]),
      ...wrong.map(([job, count]) => `${name} has not ${count}: ${listed(allocations, job)}`),
    ]
  })
  const digests = states.map(({ digest: each }) => each)
  if (new Set(digests).size > 1) odds.push(`digests ${digests.join(' ')}`)
  const said = states[0]!.allocations.map(({ id }) => id).sort()
  const found = agents.flatMap((agent) => agent.taskAllocations()).sort()
  if (found.join() !== said.join()) odds.push(`processes of ${found}, said to be there: ${said}`)
  return odds
}

async function stateOf(agent: LocalAgent) {
  const [jobs, allocations] = await Promise.all([
    agent.get<{ items: JobShape[] }>('/v1/jobs?limit=1000'),
    agent.get<{ items: AllocationShape[] }>('/v1/allocations?limit=1000'),
  ])
  const isLive = ({ state }: AllocationShape) => !['complete', 'failed', 'lost'].includes(state)
  return {
    name: agent.name,
    jobs: jobs.items.map(({ id }) => id),
    allocations: allocations.items.filter(isLive),
    digest: await digest(agent),
  }
}

/** Nothing but `count` that run, each in a slot of its own. */
function isExact(allocations: readonly AllocationShape[], job: string, count: number): boolean {
  const of = allocations.filter((each) => each.job === job)
  const slots = new Set(of.map(({ slot }) => slot))
  return of.length === count && slots.size === count && of.every(({ state }) => state === 'running')
}

function listed(allocations: readonly AllocationShape[], job: string): string {
  const of = allocations.filter((each) => each.job === job)
  return of.map(({ id, node, state }) => `${id} ${state} on ${node}`).join(', ') || `no ${job}`
}

export function isProcess(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
