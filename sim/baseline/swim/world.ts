/** What a SWIM member asks of the run that it is in: time, the network, and who there is. */

import type { Update } from './broadcast-queue.ts'
import type { SuspicionTimes } from './settings.ts'

export type Datagram =
  | { readonly type: 'ping'; readonly sequence: number; readonly updates: readonly Update[] }
  | { readonly type: 'ack'; readonly sequence: number; readonly updates: readonly Update[] }
  | { readonly type: 'nack'; readonly sequence: number; readonly updates: readonly Update[] }
  | {
      readonly type: 'indirect'
      readonly sequence: number
      readonly target: number
      readonly updates: readonly Update[]
    }
  | { readonly type: 'gossip'; readonly updates: readonly Update[] }

export interface SwimWorld {
  readonly nowUs: number
  readonly members: number
  readonly suspicion: SuspicionTimes
  readonly retransmits: number
  readonly pushPullUs: number
  after(delayUs: number, member: number, run: () => void): void
  /** May be lost or doubled. */
  send(from: number, to: number, datagram: Datagram): void
  /** Connects, asks and is answered over TCP: so much later, or undefined where nobody answers. */
  streamTripUs(from: number, to: number): number | undefined
  /** All that the other holds to be so, and the other way round. */
  exchangeStates(a: number, b: number): void
  /** `by` now holds the subject for dead. */
  declaredDead(by: number, subject: number): void
}
