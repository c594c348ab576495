/** What membership is given: by the core, and by the simulator, which brings tables and rings of its own. */
import type { BigMaps } from '../base/big-map.ts'
import type { MemberId, Millis } from '../base/id.ts'
import type { Random } from '../base/random.ts'
import type { Config } from '../config.ts'
import type { EffectSink } from '../effect.ts'
import type { Exchange } from '../message.ts'
import type { PulsePlace } from './pulse-row.ts'
import type { Presence } from './ring.ts'

export interface MembershipHooks {
  exchangeFor(to: MemberId, now: Millis): Exchange
  onExchange(from: MemberId, exchange: Exchange, now: Millis, out: EffectSink): void
}

/** What the simulator brings of its own. */
export interface MembershipOptions {
  readonly maps?: BigMaps
  readonly presence?: () => Presence
  readonly pulse?: PulsePlace
}

export interface MembershipInit extends MembershipOptions {
  readonly config: Config
  readonly self: MemberId
  readonly incarnation: number
  readonly random: Random
  readonly hooks: MembershipHooks
}
