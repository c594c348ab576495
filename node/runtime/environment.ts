/** What every task is told about itself and its place, by environment variables. */

import type { TaskSpec } from '../../protocol/placement/job.ts'
import type { TaskRef } from './runtime.ts'

export interface EnvironmentOf extends Omit<TaskRef, 'task'> {
  readonly job: string
  readonly slot: number
  readonly task: TaskSpec
  /** Host ports of the whole allocation by name. */
  readonly ports: { readonly [name: string]: number }
  /** The node's name. */
  readonly node: string
  /** The address at which the ports are reached from other nodes. */
  readonly host: string
}

/** A container listens on its CONTAINER_PORT_…, published as PORT_…. The user's own names win over all. */
export function taskEnvironment(of: EnvironmentOf): { [name: string]: string } {
  const env: { [name: string]: string } = {
    STARLING_JOB: of.job,
    STARLING_ALLOCATION: of.allocation,
    STARLING_SLOT: String(of.slot),
    STARLING_TASK: of.task.name,
    STARLING_NODE: of.node,
    HOST: of.host,
  }
  for (const [name, port] of Object.entries(of.ports)) env[portVariable(name)] = String(port)
  if (of.task.docker)
    for (const port of of.task.ports) {
      const inside = of.task.docker.network === 'bridge' ? port.container : undefined
      env[`CONTAINER_${portVariable(port.name)}`] = String(inside ?? of.ports[port.name] ?? '')
    }
  return { ...env, ...of.task.env }
}

/** `http-admin` is `PORT_HTTP_ADMIN`. */
export function portVariable(name: string): string {
  return `PORT_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`
}
