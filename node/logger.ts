/**
 * The log: one JSON object a line for machines, or lines for people. Notifications of the core come here too,
 * at the level at which an operator should see them.
 */
import { type Logger, pino } from 'pino'
import type { MemberId } from '../protocol/base/id.ts'
import type { Notification } from '../protocol/effect.ts'
import type { Settings } from './settings.ts'

export type { Logger } from 'pino'

export function createLogger(settings: Pick<Settings, 'log' | 'logLevel' | 'name'>): Logger {
  const isPretty = settings.log === 'pretty' || (settings.log === 'auto' && process.stdout.isTTY)
  const options = {
    level: settings.logLevel,
    base: { node: settings.name },
    formatters: { level: (label: string) => ({ level: label }) },
  }
  // A log that nobody can take any more (a closed pipe, a full disk) is no reason to end the agent.
  process.stdout.on('error', () => undefined)
  if (!isPretty) {
    const destination = pino.destination({ fd: 1, sync: true })
    destination.on('error', () => undefined)
    return pino(options, destination)
  }
  const colours = process.stdout.isTTY && process.env.NO_COLOR === undefined
  return pino(options, { write: (line) => process.stdout.write(prettyLine(line, colours)) })
}

const colourOf: { readonly [level: string]: number } = { error: 31, warn: 33, debug: 90, trace: 90 }
/** Said by the line itself, or of no use to a person. */
const hidden = new Set(['time', 'level', 'msg', 'node', 'err'])

export function prettyLine(line: string, colours: boolean): string {
  const entry = JSON.parse(line) as { [field: string]: unknown; time: number; level: string }
  const time = new Date(entry.time).toTimeString().slice(0, 8)
  const fields = Object.entries(entry)
    .filter(([name, value]) => !hidden.has(name) && value !== null)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const { stack, message } = (entry.err ?? {}) as { stack?: string; message?: string }
  const text = [time, entry.level.padEnd(5), entry.msg, ...fields].join(' ')
  const colour = colours ? colourOf[entry.level] : undefined
  const shown = colour === undefined ? text : `\u001b[${colour}m${text}\u001b[0m`
  return `${shown}${entry.err ? `\n${stack ?? message}` : ''}\n`
}

/** What other nodes do stands in their own logs. */
export function logNotification(
  logger: Logger,
  notification: Notification,
  { self, nameOf }: { self: MemberId; nameOf: (member: MemberId) => string },
): void {
  const { type } = notification
  switch (type) {
    case 'member-changed': {
      const { member, state, incarnation } = notification.update
      const { previous } = notification
      const level = state === 'down' ? 'warn' : 'info'
      const text = `node ${nameOf(member)} is ${state}`
      return logger[level]({ member, previous, incarnation }, text)
    }
    case 'message-rejected': {
      const { from, reason, detail } = notification.rejection
      return logger.debug({ from, reason, detail }, 'message rejected')
    }
    case 'job-changed': {
      const { job, member, change } = notification
      return member === self ? logger.info({ job }, `job ${change}`) : undefined
    }
    case 'job-conflict': {
      const { job, winner, loser } = notification
      return logger.warn({ job, winner, loser }, 'job was changed twice at the same time')
    }
    case 'allocation-changed': {
      const { allocation, member, state, healthy, reason } = notification
      if (member !== self) return
      const text = healthy ? `allocation is ${state}, healthy` : `allocation is ${state}`
      return logger[state === 'failed' ? 'warn' : 'info']({ allocation, reason }, text)
    }
    case 'slot-waiting': {
      const { job, slot, reason } = notification
      return logger.warn({ job, slot, reason }, 'slot waits')
    }
    case 'storage-failed':
      return logger.error({ code: notification.code }, 'the disk refuses writes')
    case 'storage-recovered':
      return logger.info('the disk takes writes again')
  }
}
