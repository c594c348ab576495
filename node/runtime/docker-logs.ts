/** The logs of a container, as the engine kept them; they end with the container, or at the signal. */
import type Docker from 'dockerode'
import { ask } from './docker-engine.ts'
import { engineFailure } from './docker-failure.ts'
import { payloads } from './docker-output.ts'
import type { LogOptions } from './runtime.ts'

type LogStream = AsyncIterable<Uint8Array> & { destroy(): void }

export async function* readContainerLogs(
  docker: Docker,
  name: string,
  options: LogOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const { signal } = options
  const output = await openLogs(docker, name, options)
  const end = (): void => output.destroy()
  signal.addEventListener('abort', end, { once: true })
  try {
    if (!signal.aborted) yield* payloads(output)
  } catch (error) {
    if (!signal.aborted) throw engineFailure(error, 'logs-failed')
  } finally {
    signal.removeEventListener('abort', end)
    end()
  }
}

/** By hand: the client's own call holds all of it in memory unless it follows. */
function openLogs(docker: Docker, name: string, options: LogOptions): Promise<LogStream> {
  const { stream, follow, tail } = options
  const request = {
    path: `/containers/${name}/logs?`,
    method: 'GET',
    options: {
      stdout: stream !== 'stderr',
      stderr: stream !== 'stdout',
      follow,
      ...(tail !== undefined && { tail }),
    },
    isStream: true,
    statusCodes: { 200: true, 404: 'no such container', 500: 'server error' },
  }
  const opened = new Promise<LogStream>((resolve, reject) => {
    docker.modem.dial(request, (error, opened) => {
      if (error) reject(error)
      else resolve(opened as LogStream)
    })
  })
  return ask('logs-failed', opened)
}
