/**
 * How a member comes to rest: its core is made, lives for half a minute in which whatever it asks is answered at once
 * and nothing is new, and is calm at the end. So a host that sleeps (asleep.ts) has the row of numbers that it would
 * have, and on waking the core that belongs to it: the same init gives the same core.
 *
 * Ticks come seconds late, as to a machine that is busy, since nothing but rest is to come of them. Not as in a life
 * that was lived: answers took no time at all, and all neighbours were heard at the same moment, the last.
 */
import { type MemberId, type Millis, stampsPerMs } from '../protocol/base/id.ts'
import { invariant } from '../protocol/base/invariant.ts'
import { calmMessage } from '../protocol/calm.ts'
import { type Core, type CoreInit, createCore } from '../protocol/core.ts'
import type { Effect, StoreWrite } from '../protocol/effect.ts'
import type { Event } from '../protocol/event.ts'
import { type GossipMesh, sparseMesh } from '../protocol/membership/gossip-mesh.ts'
import type { Message } from '../protocol/message.ts'
import type { Knowledge } from './knowledge.ts'

/** Longer than anything that a start sets off is waited for. */
const livedMs = 30_000
const tickMs = 3000
/** The first is answered with what the member has free, the second with nothing that is new. */
const probesUntilCalm = 2

/** What the core of a host that sleeps is made of once it is needed. */
export interface Sleep {
  readonly knowledge: Knowledge
  readonly seed: number
  readonly sinceMs: Millis
}

export interface Settled {
  readonly core: Core
  /** In the order of its row's slots. */
  readonly neighbours: readonly MemberId[]
  readonly mesh: GossipMesh
  /** What it wrote to its disk. */
  readonly writes: readonly StoreWrite[]
}

/** `incarnation`: of all that it knows. */
export function settle(init: CoreInit, incarnation: number, now: Millis): Settled {
  const settling = new Settling(createCore(init), incarnation)
  for (let at = now - livedMs; at < now; at += tickMs) settling.live(at)
  settling.meet(now)
  const { pulse } = init.membership ?? {}
  invariant(pulse?.table.isCalm(pulse.row) === true, 'a member whose neighbours agree is calm')
  return settling
}

class Settling implements Settled {
  readonly core: Core
  neighbours: readonly MemberId[] = []
  mesh = sparseMesh
  readonly writes: StoreWrite[] = []
  readonly #incarnation: number
  #root = ''
  #isStarted = false

  constructor(core: Core, incarnation: number) {
    this.core = core
    this.#incarnation = incarnation
  }

  live(now: Millis): void {
    this.#step(tick, now)
    if (this.#isStarted) return
    this.#isStarted = true
    this.#step({ type: 'tasks-observed', tasks: [] }, now)
    for (const member of this.neighbours) this.#step({ type: 'link-opened', member }, now)
  }

  /** Each neighbour probes it. */
  meet(now: Millis): void {
    this.#step(tick, now)
    for (let sequence = 1; sequence <= probesUntilCalm; sequence++)
      for (const from of this.neighbours)
        this.#step(
          { type: 'message-received', from, message: this.#say('probe', sequence, now) },
          now,
        )
  }

  #step(event: Event, now: Millis): void {
    for (const effect of this.core.step(event, now)) this.#answer(effect, now)
  }

  #answer(effect: Effect, now: Millis): void {
    if (effect.type === 'keep-links') {
      this.neighbours = effect.members
      this.mesh = effect.mesh
    } else if (effect.type === 'persist') {
      this.writes.push(...effect.writes)
      this.#step({ type: 'persisted', id: effect.id }, now)
    } else if (effect.type === 'send' && effect.message.type === 'probe') {
      const { sequence, exchange } = effect.message
      this.#root = exchange.root
      const message = this.#say('ack', sequence, now)
      this.#step({ type: 'message-received', from: effect.to, message }, now)
    }
  }

  /** Who says it holds the same. */
  #say(type: 'probe' | 'ack', sequence: number, now: Millis): Message {
    const clock = now * stampsPerMs
    return calmMessage({ type, sequence, incarnation: this.#incarnation, root: this.#root, clock })
  }
}

const tick: Event = { type: 'tick' }
