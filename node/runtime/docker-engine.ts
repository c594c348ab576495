/** What we ask of the engine, each with a time-out and with failures in the terms of a runtime. */
import { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import Docker from 'dockerode'
import { bounded, engineFailure, statusOf } from './docker-failure.ts'
import { killedCode } from './exit.ts'
import { labelFilter } from './labels.ts'

/** A busy engine starts a container in seconds; one that takes longer than this has other troubles. */
const answerTimeoutMs = 60_000
const pingTimeoutMs = 2000

export interface EngineAddress {
  /** @default '/var/run/docker.sock', unless there is a host */
  readonly socketPath?: string | undefined
  /** As in DOCKER_HOST: `unix:///…` or `tcp://host:port`. */
  readonly host?: string | undefined
}

/**
 * No connections are kept: one that a restarted engine has closed fails only when it is used, and then nobody
 * knows whether the request was heard.
 */
export function connectDocker(address: EngineAddress): Docker {
  // The client's types do not know that it takes an agent.
  const own: Docker.DockerOptions & { agent: Agent } = { agent: new Agent({ keepAlive: false }) }
  const { host } = address
  if (host === undefined || host.startsWith('unix://')) {
    const socketPath = host?.slice('unix://'.length) ?? address.socketPath ?? '/var/run/docker.sock'
    return new Docker({ ...own, socketPath })
  }
  const { hostname, port } = new URL(host.replace(/^tcp:/, 'http:'))
  return new Docker({ protocol: 'http', host: hostname, port: Number(port || 2375), ...own })
}

export async function ask<T>(
  refusal: string,
  answer: Promise<T>,
  timeoutMs = answerTimeoutMs,
): Promise<T> {
  try {
    return await bounded(answer, timeoutMs)
  } catch (error) {
    throw engineFailure(error, refusal)
  }
}

/** For a person; undefined when it answers. */
export async function whyNoAnswer(docker: Docker): Promise<string | undefined> {
  return await bounded(docker.ping(), pingTimeoutMs).then(
    () => undefined,
    (error) => engineFailure(error, 'ping-failed').message,
  )
}

/** Undefined when there is no such container. */
export async function inspect(
  docker: Docker,
  idOrName: string,
): Promise<Docker.ContainerInspectInfo | undefined> {
  const answer = docker
    .getContainer(idOrName)
    .inspect()
    .catch((error) => {
      if (statusOf(error) === 404) return undefined
      throw error
    })
  return await ask('inspect-failed', answer)
}

/**
 * The engine is told of an end and of its cause on different ways: 2 to 43 ms apart on a machine with twice as much to
 * do as it can, in 40 tries; and once, with five engines on it, more than 300.
 */
const causeLagsMs = [50, 100, 200, 400, 800]

/** As `inspect`; one that was killed by 9 under a limit of memory is looked at again while the cause is not there. */
export async function inspectEnding(
  docker: Docker,
  id: string,
): Promise<Docker.ContainerInspectInfo | undefined> {
  let found = await inspect(docker, id)
  for (const lagMs of causeLagsMs) {
    if (found === undefined || !isCauseOpen(found)) break
    await delay(lagMs)
    found = await inspect(docker, id)
  }
  return found
}

function isCauseOpen({ State, HostConfig }: Docker.ContainerInspectInfo): boolean {
  const isKilled = !State.Running && State.ExitCode === killedCode
  return isKilled && !State.OOMKilled && (HostConfig?.Memory ?? 0) > 0
}

/** Of a listed container. */
export function isRunningState(state: string | undefined): boolean {
  return state === 'running' || state === 'paused' || state === 'restarting'
}

/** All of this node's, running or not. */
export async function listOurs(
  docker: Docker,
  node: string,
  allocation?: string,
): Promise<Docker.ContainerInfo[]> {
  const filters = { label: labelFilter(node, allocation) }
  return await ask('list-failed', docker.listContainers({ all: true, filters }))
}

/** Removing what is gone, or is being removed, is no failure. */
export async function removeContainer(docker: Docker, id: string): Promise<void> {
  const answer = docker
    .getContainer(id)
    .remove({ force: true, v: true })
    .catch((error) => {
      if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error
    })
  await ask('remove-failed', answer)
}
