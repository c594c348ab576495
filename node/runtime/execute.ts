/**
 * Runs a short command beside a task, for its checks: with its environment, folder, user and limits, and a
 * time of its own. Output over the limit is read and dropped, so that the command is not held up by it.
 */
import { spawn } from 'node:child_process'
import type { Cgroup } from './cgroup.ts'
import type { User } from './command.ts'
import { kill } from './leftovers.ts'
import { RuntimeFailure } from './runtime.ts'

/** A check shows 512 characters of it, `exec` by hand a page. */
export const outputBytesMax = 65_536

export interface Execution {
  readonly command: readonly string[]
  readonly env: { readonly [name: string]: string }
  readonly directory: string
  readonly user: User | null
  readonly cgroup: Cgroup
  readonly timeoutMs: number
}

export interface Executed {
  /** null when it was killed, by the time-out for one. */
  readonly exitCode: number | null
  readonly output: string
}

export function execute(execution: Execution): Promise<Executed> {
  const { command, env, directory, user, cgroup, timeoutMs } = execution
  const child = spawn(command[0]!, command.slice(1), {
    cwd: directory,
    env: { ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(user && { uid: user.uid, gid: user.gid }),
  })
  const output = new BoundedOutput(outputBytesMax)
  child.stdout.on('data', (bytes: Buffer) => output.push(bytes))
  child.stderr.on('data', (bytes: Buffer) => output.push(bytes))
  // Too late for one that has ended already, and then of no matter.
  if (child.pid !== undefined) cgroup.join([child.pid]).catch(() => undefined)
  return new Promise((resolve, reject) => {
    const finish = (exitCode: number | null, note = ''): void => {
      clearTimeout(timer)
      if (child.pid !== undefined) kill(-child.pid, 'SIGKILL')
      child.stdout.destroy()
      child.stderr.destroy()
      resolve({ exitCode, output: output.text() + note })
    }
    const timer = setTimeout(() => finish(null, `no end within ${timeoutMs} ms`), timeoutMs)
    child.once('error', (error) => {
      clearTimeout(timer)
      reject(new RuntimeFailure('exec-failed', `could not be run: ${error.message}`, true, error))
    })
    child.once('exit', (code) => {
      // What it wrote last may still be in the pipes, which its own children may hold open.
      child.once('close', () => finish(code))
      setTimeout(() => finish(code), drainMs).unref()
    })
  })
}

const drainMs = 100

export class BoundedOutput {
  readonly #bytesMax: number
  readonly #parts: Uint8Array[] = []
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  push(bytes: Uint8Array): void {
    const taken = bytes.subarray(0, this.#bytesMax - this.#bytes)
    if (taken.length > 0) this.#parts.push(taken)
    this.#bytes += taken.length
  }

  text(): string {
    return Buffer.concat(this.#parts).toString('utf8')
  }
}
