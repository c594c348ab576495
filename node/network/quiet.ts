/**
 * libp2p's debug log, off unless DEBUG asks for it: formatting nothing still costs a call and a new scope
 * for every connection, stream and message.
 */
import type { ComponentLogger, Logger } from '@libp2p/interface'

const silent: Logger = Object.assign(() => {}, {
  enabled: false,
  trace: () => {},
  error: () => {},
  newScope: () => silent,
})

export function quietUnlessAsked(): { logger?: ComponentLogger } {
  return process.env.DEBUG === undefined ? { logger: { forComponent: () => silent } } : {}
}
