/** What a client reads, and questions that several end-to-end tests ask. */
import type { LocalAgent } from '../../scripts/cluster.ts'

export interface AllocationShape {
  readonly id: string
  readonly job: string
  readonly slot: number
  readonly node: string
  readonly nodeId: string
  readonly state: string
  readonly healthy: boolean
  readonly ports: { readonly [name: string]: number }
  readonly tasks: readonly {
    readonly name: string
    readonly pid?: number
    readonly containerId?: string
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
  readonly capacity: { readonly cpu: number; readonly memory: number }
  readonly committed: { readonly cpu: number; readonly memory: number }
}

export interface ClusterShape {
  readonly self: string
  readonly digest: string
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

export function isProcess(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
