/** The runtimes that the settings ask for: processes, a Docker engine, or whichever answers. */
import type { ObservedTask } from '../protocol/event.ts'
import { createDockerRuntime } from './runtime/docker.ts'
import { createProcessRuntime } from './runtime/process.ts'
import type { ExitListener, Runtime } from './runtime/runtime.ts'
import { Runtimes } from './runtime/runtimes.ts'
import type { Settings } from './settings.ts'

export interface RuntimeListeners {
  readonly onExit: ExitListener
  readonly onFound: (tasks: ObservedTask[]) => void
  readonly onKindsChanged: (kinds: Runtime['kind'][]) => void
}

export function createRuntimes(
  settings: Settings,
  { self: nodeId, cluster }: { self: string; cluster: string },
  { onExit, onFound, onKindsChanged }: RuntimeListeners,
): Runtimes {
  const runtimes: Runtime[] = []
  if (settings.runtime !== 'docker')
    runtimes.push(createProcessRuntime({ dataDir: settings.data, nodeId, onExit }))
  if (settings.runtime !== 'process') {
    const host = process.env.DOCKER_HOST
    runtimes.push(createDockerRuntime({ nodeId, cluster, onExit, ...(host && { host }) }))
  }
  return new Runtimes({ runtimes, dataDir: settings.data, onFound, onKindsChanged })
}
