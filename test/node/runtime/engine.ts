/** A Docker engine of the tests' own, on machines that can have one. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testbed } from '../../testbed.ts'

export const image = 'local/busybox:1'

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
    up: () => testbed('engine.sh', ['up', folder, ...(namespace ? [namespace] : [])], 60_000),
    kill: () => testbed('engine.sh', ['kill', folder], 60_000),
    down: () => testbed('engine.sh', ['down', folder], 60_000),
  }
  const onExit = (): void => engine.down()
  process.once('exit', onExit)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  engine.up()
  testbed('image.sh', [engine.socketPath, image], 60_000)
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
    testbed('install.sh', [], 600_000)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
