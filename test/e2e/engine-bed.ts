/**
 * A Docker engine with a bridge, in a network namespace of its own, and the test file run once more inside of
 * it: agents, published ports and checks then are where a machine would have them, and nothing is outside.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import Docker from 'dockerode'
import { image, startEngine, whyNoEngine } from '../node/runtime/engine.ts'
import { testbed } from '../testbed.ts'

const variable = 'STARLING_TEST_ENGINE'

export interface EngineBed {
  readonly docker: Docker
  readonly image: string
  up(): void
  /** As a crash: containers go on. */
  kill(): void
}

/** The engine, where the file runs inside; undefined outside, where this has run it. */
export async function insideEngine(
  file: string,
): Promise<EngineBed | { skipped: string } | undefined> {
  const socketPath = process.env[variable]
  if (socketPath !== undefined) return bedOf(socketPath)
  const skipped = whyNoEngine()
  if (skipped !== undefined) return { skipped }
  const engine = startEngine({ isolated: true })
  try {
    process.exitCode = await runInside(file, engine.socketPath, engine.namespace!)
  } finally {
    engine.down()
  }
  return undefined
}

async function runInside(file: string, socketPath: string, namespace: string): Promise<number> {
  const args = [`--net=/run/netns/${namespace}`, process.execPath, ...process.execArgv, file]
  const env = { ...process.env, [variable]: socketPath, DOCKER_HOST: `unix://${socketPath}` }
  const child = spawn('nsenter', args, { stdio: 'inherit', env })
  const end = () => child.kill('SIGTERM')
  // Before the engine goes, with which the others of this event end.
  process.prependOnceListener('exit', end)
  const [code] = (await once(child, 'exit')) as [number | null]
  process.off('exit', end)
  return code ?? 1
}

function bedOf(socketPath: string): EngineBed {
  const folder = dirname(socketPath)
  process.once('SIGTERM', () => process.exit(1))
  return {
    docker: new Docker({ socketPath }),
    image,
    up: () => testbed('engine.sh', ['up', folder], 60_000),
    kill: () => testbed('engine.sh', ['kill', folder], 60_000),
  }
}
