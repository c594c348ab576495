/** A Docker engine of the tests' own, on machines that can have one. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const image = 'local/busybox:1'

function script(name: string, args: string[], timeoutMs: number): void {
  const file = new URL(`../../../scripts/testbed/${name}`, import.meta.url).pathname
  const { status, stderr, error } = spawnSync(file, args, {
    timeout: timeoutMs,
    encoding: 'utf8',
    // Its daemons must not hold a pipe of ours open.
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  if (status !== 0)
    throw new Error(stderr?.trim() || error?.message || `${name} ended with ${status}`)
}

export interface TestEngine {
  readonly socketPath: string
  /** Where it was given a network namespace of its own. */
  readonly namespace: string | undefined
  up(): void
  /** As a crash: containers go on. */
  kill(): void
  down(): void
}

let engines = 0

/** Up, and with the image. */
export function startEngine(options: { isolated?: boolean } = {}): TestEngine {
  const folder = mkdtempSync(join(tmpdir(), 'starling-engine-'))
  const namespace = options.isolated ? `starling-${process.pid}-${engines++}` : undefined
  const engine: TestEngine = {
    socketPath: join(folder, 'docker.sock'),
    namespace,
    up: () => script('engine.sh', ['up', folder, ...(namespace ? [namespace] : [])], 60_000),
    kill: () => script('engine.sh', ['kill', folder], 60_000),
    down: () => script('engine.sh', ['down', folder], 60_000),
  }
  const onExit = (): void => engine.down()
  process.once('exit', onExit)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  engine.up()
  script('image.sh', [engine.socketPath, image], 60_000)
  return {
    ...engine,
    down() {
      process.off('exit', onExit)
      engine.down()
    },
  }
}

/** Why this machine cannot have one, or undefined. Installs it where that is possible. */
export function whyNoEngine(): string | undefined {
  if (process.platform !== 'linux') return 'Docker tests need Linux'
  if (process.getuid?.() !== 0) return 'Docker tests need root'
  try {
    script('install.sh', [], 600_000)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
