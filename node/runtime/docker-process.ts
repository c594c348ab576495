/**
 * The first process of a container as this machine sees it, where the engine is one of this machine: that its
 * pid is the container's is proved by its control group. It says whether the container goes on when the engine
 * does not answer.
 */
import { readFileSync } from 'node:fs'
import type { ContainerInspectInfo } from 'dockerode'
import { type ProcessIdentity, readProcess } from './process-identity.ts'

export function processOf({ Id, State }: ContainerInspectInfo): ProcessIdentity | undefined {
  if (!isOfContainer(State.Pid, Id)) return undefined
  const found = readProcess(State.Pid)
  return found && { pid: found.pid, startTicks: found.startTicks }
}

export function isOfContainer(pid: number, container: string): boolean {
  try {
    return pid > 0 && readFileSync(`/proc/${pid}/cgroup`, 'latin1').includes(container)
  } catch {
    return false
  }
}
