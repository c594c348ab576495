/**
 * Carries out what the core asks for, on a simulated machine: the counterpart of node/perform.ts, held to the
 * same contract by the same tests (test/contract.ts). The effects of one step are performed in order up to its
 * `persist`; the rest of that list waits for the disk, while the lists of later steps go on.
 */
import type { MemberId, RequestId } from '../protocol/base/id.ts'
import { unreachable } from '../protocol/base/invariant.ts'
import type { Effect, Notification, Persist, ReservePorts } from '../protocol/effect.ts'
import type { EffectFailed } from '../protocol/event.ts'
import type { GossipMesh } from '../protocol/membership/gossip-mesh.ts'
import type { Broadcast, Message } from '../protocol/message.ts'
import type { Reply } from '../protocol/request.ts'
import type { Disk } from './disk.ts'
import type { Kind } from './queue.ts'
import type { TaskMachine, TaskRuntime } from './runtime.ts'

/** All that a performer touches. */
export interface World extends TaskMachine {
  /** Its agent runs. */
  readonly isUp: boolean
  readonly disk: Disk
  readonly runtime: TaskRuntime
  after(delayUs: number, run: () => void, kind?: Kind): void
  send(to: MemberId, message: Message): void
  publish(broadcast: Broadcast): void
  keepLinks(members: readonly MemberId[], mesh: GossipMesh): void
  provide(service: string): void
  withdraw(service: string): void
  reply(request: RequestId, reply: Reply): void
  notify(notification: Notification): void
  stopAgent(): void
}

/** Of the loopback that finds a port free. */
const portsUs = 500

export class Performer {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  performAll(effects: readonly Effect[]): void {
    for (let i = 0; i < effects.length; i++) {
      const effect = effects[i]!
      if (effect.type === 'persist') return this.#persist(effect, effects.slice(i + 1))
      this.#perform(effect)
    }
  }

  #persist(persist: Persist, rest: readonly Effect[]): void {
    const { disk, life, nowUs } = this.#world
    const delayUs = disk.write(persist.writes, nowUs) - nowUs
    const settle = () => {
      // What an agent that has ended has written is settled by the disk's own account of its crash.
      if (!this.#world.isUp || this.#world.life !== life) return
      if (disk.settle(this.#world.nowUs)) {
        this.performAll(rest)
        this.#world.tell(life, { type: 'persisted', id: persist.id })
      } else this.#giveUp(life, persist, rest)
    }
    this.#world.after(delayUs, settle, 'disk')
  }

  #giveUp(life: number, { id }: Persist, rest: readonly Effect[]): void {
    this.#world.tell(life, { type: 'effect-failed', id, ...diskFull })
    for (const effect of rest) {
      if ('id' in effect)
        this.#world.tell(life, { type: 'effect-failed', id: effect.id, ...notDurable })
      else if (effect.type === 'reply' || effect.type === 'notify') this.#perform(effect)
    }
  }

  #perform(effect: Exclude<Effect, Persist>): void {
    const world = this.#world
    const { runtime } = world
    switch (effect.type) {
      case 'send':
        return world.send(effect.to, effect.message)
      case 'publish':
        return world.publish(effect.broadcast)
      case 'keep-links':
        return world.keepLinks(effect.members, effect.mesh)
      case 'reserve-ports':
        return this.#reserve(effect)
      case 'release-ports':
        return runtime.ports.release(effect.allocation)
      case 'start-task':
        return runtime.start(effect)
      case 'stop-task':
        return runtime.stop(effect)
      case 'watch-checks':
        return runtime.watch(effect)
      case 'unwatch-checks':
        return runtime.unwatch(effect.allocation, effect.task)
      case 'remove-allocation':
        return runtime.remove(effect.allocation)
      case 'provide':
        return world.provide(effect.service)
      case 'withdraw':
        return world.withdraw(effect.service)
      case 'reply':
        return world.reply(effect.request, effect.reply)
      case 'notify':
        return world.notify(effect.notification)
      case 'stop-agent':
        return world.stopAgent()
      default:
        unreachable(effect)
    }
  }

  #reserve({ id, allocation, ports: wanted }: ReservePorts): void {
    const { life, runtime } = this.#world
    const ports = runtime.ports.reserve(allocation, wanted)
    const answer =
      ports === undefined
        ? ({ type: 'effect-failed', id, ...portTaken } as const)
        : ({ type: 'ports-reserved', id, ports } as const)
    this.#world.after(portsUs, () => this.#world.tell(life, answer))
  }
}

type Failure = Omit<EffectFailed, 'type' | 'id'>

/** Its bytes may have reached the disk before it failed. */
const diskFull: Failure = { code: 'disk-full', detail: 'no space left on device', definite: false }
const notDurable: Failure = {
  code: 'not-durable',
  detail: 'the step before it could not be written to the disk',
  definite: true,
}
const portTaken: Failure = { code: 'port-taken', detail: 'the port is held', definite: true }
