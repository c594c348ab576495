/** Runs the scripts of scripts/testbed: what tests need of the machine around them. */
import { spawnSync } from 'node:child_process'

export function testbed(name: string, args: readonly string[], timeoutMs: number): void {
  const file = new URL(`../scripts/testbed/${name}`, import.meta.url).pathname
  const { status, stderr, error } = spawnSync(file, args, {
    timeout: timeoutMs,
    encoding: 'utf8',
    // Its daemons must not hold a pipe of ours open.
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  if (status !== 0)
    throw new Error(stderr?.trim() || error?.message || `${name} ended with ${status}`)
}
