/** Allocations with all that the API says of how their tasks fare. */
import type { LocalAgent } from '../../scripts/cluster.ts'
import type { AllocationShape } from './shapes.ts'

export interface Task {
  readonly name: string
  readonly state: string
  readonly restarts: number
  readonly pid?: number
  readonly containerId?: string
  readonly exitCode?: number
  readonly reason?: string
}

export interface Allocation extends AllocationShape {
  readonly tasks: readonly Task[]
  readonly reason?: string
}

/** All that are kept, ended ones too; none while the agent has not heard of the job. */
export async function allocationsOf(from: LocalAgent, id: string): Promise<Allocation[]> {
  const answer = await from.request('GET', `/v1/jobs/${id}/allocations?limit=1000`)
  return answer.ok ? ((await answer.json()) as { items: Allocation[] }).items : []
}
