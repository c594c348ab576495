/**
 * Not a test: an agent's process runtime in a process of its own, so that it can be killed. Starts the tasks
 * that its argument names, tells that they run, and waits for its end.
 */
import { createProcessRuntime } from '../../../node/runtime/process.ts'
import { processStart, type StartWishes } from './fixture.ts'

export interface AgentWishes {
  readonly dataDir: string
  readonly nodeId: string
  readonly limits: 'auto' | 'none'
  readonly tasks: readonly StartWishes[]
}

const wishes = JSON.parse(process.argv[2] ?? '') as AgentWishes
const runtime = createProcessRuntime({ ...wishes, onExit: () => {} })
const pids: (number | null)[] = []
for (const task of wishes.tasks) pids.push((await runtime.start(processStart(task))).pid)
process.stdout.write(`${JSON.stringify(pids)}\n`)
setInterval(() => {}, 1000)
