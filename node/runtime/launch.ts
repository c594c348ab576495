/**
 * Starts a command so that it outlives the agent, and its exit code too. A wrapper of a few lines of `/bin/sh`
 * leads a session and process group of its own, runs the command, and writes the code down when that has ended.
 *
 * Signals: SIGTERM goes to the whole group, so to the wrapper as well. It has handlers that do nothing: handlers
 * are reset by exec, so that the command gets the default again, whereas a signal that is ignored stays ignored
 * after exec, and a command started with `&` has SIGINT ignored. So: a handler, and a command in the foreground,
 * during which a shell puts its handlers off and goes on waiting.
 *
 * The gate: the command's own process tells its pid through a socket (fd 3) and waits there for a word before
 * it becomes the command. Until then the agent writes the state file and fills the control groups. So no command
 * ever runs that a later agent would not know of, and none gets away from its limits. An agent that dies before
 * that word closes the socket, and nothing runs. The exit code goes to fd 4, opened by the agent, so that a
 * task of another user needs no right to its folder. The command itself has neither.
 *
 * Rejected: to be the command's parent (the code is lost with the agent), a supervisor in Node (40 MB a task).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import type { User } from './command.ts'
import { RuntimeFailure } from './runtime.ts'

const wrapperScript = `trap : HUP INT QUIT PIPE ALRM TERM USR1 USR2
(
  read -r pid rest </proc/self/stat
  echo "$pid" >&3
  read -r word <&3 || exit 125
  exec 3>&- 4>&-
  exec "$@"
)
code=$?
echo $code >&4
exit $code`

/** A shell is up in milliseconds; a machine that swaps takes its time. */
const gateTimeoutMs = 20_000

export interface Launch {
  readonly command: readonly string[]
  readonly env: { readonly [name: string]: string }
  readonly directory: string
  readonly user: User | undefined
  /** File descriptors, which remain the caller's to close. */
  readonly stdout: number
  readonly stderr: number
  readonly exit: number
}

export interface Launched {
  readonly wrapper: ChildProcess & { readonly pid: number }
  /** Of the process that becomes the command. */
  readonly commandPid: number
  /** The word that lets the command begin; from here on it runs whatever becomes of the agent. */
  open(): void
  /** Nothing has run, and nothing will. */
  abandon(): void
}

export async function launch(options: Launch): Promise<Launched> {
  const { command, env, directory, user } = options
  const wrapper = spawn('/bin/sh', ['-c', wrapperScript, 'starling', ...command], {
    cwd: directory,
    env: { ...env },
    detached: true,
    stdio: ['ignore', options.stdout, options.stderr, 'pipe', options.exit],
    ...(user && { uid: user.uid, gid: user.gid }),
  })
  const gate = wrapper.stdio[3] as Socket
  gate.on('error', () => {})
  const commandPid = await firstLine(wrapper, gate).catch((error: Error) => {
    gate.destroy()
    if (wrapper.pid !== undefined) wrapper.kill('SIGKILL')
    throw new RuntimeFailure('start-failed', `could not be started: ${error.message}`, true, error)
  })
  return {
    wrapper: wrapper as Launched['wrapper'],
    commandPid,
    open: () => {
      gate.end('go\n')
      gate.unref()
    },
    abandon: () => gate.destroy(),
  }
}

function firstLine(wrapper: ChildProcess, gate: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the shell did not come up')), gateTimeoutMs)
    wrapper.once('error', reject)
    wrapper.once('exit', () => reject(new Error('the shell ended at once')))
    gate.once('data', (line: Buffer) => resolve(Number.parseInt(line.toString('latin1'), 10)))
    wrapper.once('error', () => clearTimeout(timer))
    wrapper.once('exit', () => clearTimeout(timer))
    gate.once('data', () => clearTimeout(timer))
  })
}
