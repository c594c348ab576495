/** The agent as a process: signals, exit codes, and what happens when there is a bug. */
import { flushCompileCache } from 'node:module'
import { type Agent, startAgent } from './agent.ts'
import { bugExitCode } from './errors.ts'
import { createLogger, type Logger } from './logger.ts'
import { type Flags, readSettings } from './settings.ts'

/** To remove what has ended, and to say farewell; with the tasks' grace, after this the agent ends anyway. */
const leaveMarginMs = 30_000
const forcedExitCode = 1

export async function runAgent(flags: Flags): Promise<void> {
  const settings = readSettings(flags, process.env)
  const logger = createLogger(settings)
  const onBug = (error: unknown, record?: string) => {
    logger.fatal({ err: error, record }, 'a bug in Starling: the agent ends')
    process.exit(bugExitCode)
  }
  let agent: Agent | undefined
  const crash = (error: unknown) => (agent === undefined ? onBug(error) : agent.crash(error))
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
  const signals = waitForSignals(logger, () => agent)
  agent = await startAgent({ settings, logger, onBug })
  if (signals.isAsked()) signals.leave(agent)
  // Where the launcher asked for a cache: at the end would be too late for an agent that is killed.
  flushCompileCache()
  await agent.stopped
  logger.info('agent has stopped')
  process.exit(0)
}

/** The first signal asks to leave; the second, or too long a wait, ends the process. */
function waitForSignals(logger: Logger, agent: () => Agent | undefined) {
  let isAsked = false
  const end = (reason: string) => {
    logger.warn(`the agent ends at once: ${reason}`)
    process.exit(forcedExitCode)
  }
  const leave = (started: Agent) => {
    const leaveMs = started.leave() + leaveMarginMs
    setTimeout(() => end(`not done after ${leaveMs / 1000} s`), leaveMs).unref()
  }
  const onSignal = (signal: NodeJS.Signals) => {
    if (isAsked) return end('asked twice')
    isAsked = true
    logger.info({ signal }, 'the agent leaves the cluster')
    const started = agent()
    if (started !== undefined) leave(started)
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return { isAsked: () => isAsked, leave }
}
