/**
 * How an ending is told. A code above 128 is what every shell, and Docker, make of a signal; a program that
 * itself exits with 143 is told as `killed by signal 15`, which is what it means by it.
 */
import type { TaskExit } from './runtime.ts'

const signalBase = 128
/** The real-time signals end at 64. */
const signalMax = 64

export interface Ending {
  /** null where nobody wrote it down. */
  readonly code: number | null
  /** The kernel killed one of the task's processes for want of memory. */
  readonly outOfMemory: boolean
  /** MiB; 0 where the task has no limit. */
  readonly memory: number
}

export function describeExit(ending: Ending): TaskExit {
  const { code, outOfMemory, memory } = ending
  // The kernel may kill a mere child, and the task carry on and end well.
  if (outOfMemory && code !== 0)
    return {
      exitCode: code,
      reason: memory > 0 ? `killed: out of memory (${memory} MiB)` : 'killed: out of memory',
    }
  if (code === null) return { exitCode: null, reason: 'ended while no agent was watching' }
  if (code > signalBase && code <= signalBase + signalMax)
    return { exitCode: code, reason: `killed by signal ${code - signalBase}` }
  return { exitCode: code, reason: `exited with ${code}` }
}

export const killedCode = signalBase + 9
/** Of a stop whose task was not there. */
export const wasNotRunning: TaskExit = { exitCode: null, reason: 'was not running' }
