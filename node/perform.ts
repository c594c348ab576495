/**
 * Carries out what the core asks for. The effects of one step are performed in order up to its `persist`; the
 * rest of that list waits until the writes are durable, while the lists of later steps go on (the contract is
 * in protocol/effect.ts). Every effect with an id is answered by exactly one event, whatever happens.
 */
import type { EffectId, RequestId } from '../protocol/base/id.ts'
import { InvariantError, unreachable } from '../protocol/base/invariant.ts'
import { encodeBroadcast, encodeMessage } from '../protocol/codec.ts'
import type { Effect, Notification, Persist, StartTask, StopTask } from '../protocol/effect.ts'
import type { EffectFailed, Event } from '../protocol/event.ts'
import type { Reply } from '../protocol/request.ts'
import type { Network } from './network/network.ts'
import { taskEnvironment } from './runtime/environment.ts'
import type { CheckMonitor } from './runtime/health.ts'
import type { PortTable } from './runtime/ports.ts'
import { type Runtime, RuntimeFailure } from './runtime/runtime.ts'
import { type Store, StoreFailure } from './storage/store.ts'

/** All that a performer touches. */
export interface World {
  readonly store: Pick<Store, 'write'>
  readonly network: Pick<Network, 'send' | 'publish' | 'keepLinks' | 'provide' | 'withdraw'>
  readonly runtimes: Pick<Runtime, 'start' | 'stop' | 'remove'>
  readonly ports: Pick<PortTable, 'reserve' | 'release'>
  readonly checks: Pick<CheckMonitor, 'watch' | 'unwatch'>
  /** What tasks are told of the node that they run on. */
  readonly node: { readonly name: string; readonly host: string }
  tell(event: Event): void
  reply(request: RequestId, reply: Reply): void
  notify(notification: Notification): void
  stopAgent(): void
  /** An adapter failed in a way that it does not know. It has been answered; a person should look. */
  onSurprise(error: unknown): void
  onBug(error: unknown): void
}

export class Performer {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  performAll(effects: readonly Effect[]): void {
    for (const [i, effect] of effects.entries()) {
      if (effect.type === 'persist') {
        void this.#persist(effect, effects.slice(i + 1))
        return
      }
      this.#perform(effect)
    }
  }

  /** Later effects of the list, and the answer, wait for the disk. */
  async #persist({ id, writes }: Persist, rest: readonly Effect[]): Promise<void> {
    try {
      const failure = await this.#write(writes)
      if (failure === undefined) {
        this.performAll(rest)
        this.#world.tell({ type: 'persisted', id })
      } else this.#giveUp(id, failure, rest)
    } catch (error) {
      this.#world.onBug(error)
    }
  }

  async #write(writes: Persist['writes']): Promise<StoreFailure | undefined> {
    try {
      await this.#world.store.write(writes)
      return undefined
    } catch (error) {
      if (error instanceof StoreFailure) return error
      throw error
    }
  }

  #giveUp(id: EffectId, failure: StoreFailure, rest: readonly Effect[]): void {
    const { code, message: detail } = failure
    // Its bytes may have reached the disk before it failed.
    this.#world.tell({ type: 'effect-failed', id, code, detail, definite: false })
    for (const effect of rest) {
      if ('id' in effect) this.#world.tell({ ...notDurable, id: effect.id })
      else if (effect.type === 'reply' || effect.type === 'notify') this.#perform(effect)
    }
  }

  #perform(effect: Exclude<Effect, Persist>): void {
    const { network, runtimes, ports, checks } = this.#world
    switch (effect.type) {
      case 'send':
        return network.send(effect.to, encodeMessage(effect.message))
      case 'publish':
        return network.publish(encodeBroadcast(effect.broadcast))
      case 'keep-links':
        return network.keepLinks(effect.members, effect.mesh)
      case 'reserve-ports':
        return this.#answer(effect.id, async () => ({
          type: 'ports-reserved',
          id: effect.id,
          ports: await ports.reserve(effect.allocation, effect.ports),
        }))
      case 'release-ports':
        return ports.release(effect.allocation)
      case 'start-task':
        return this.#answer(effect.id, () => this.#startTask(effect))
      case 'stop-task':
        return this.#answer(effect.id, () => this.#stopTask(effect))
      case 'watch-checks':
        return checks.watch(effect.allocation, effect.task, effect.ports)
      case 'unwatch-checks':
        return checks.unwatch(effect.allocation, effect.task)
      case 'remove-allocation':
        runtimes.remove(effect.allocation).catch((error) => this.#world.onSurprise(error))
        return
      case 'provide':
        return network.provide(effect.service)
      case 'withdraw':
        return network.withdraw(effect.service)
      case 'reply':
        return this.#world.reply(effect.request, effect.reply)
      case 'notify':
        return this.#world.notify(effect.notification)
      case 'stop-agent':
        return this.#world.stopAgent()
      default:
        unreachable(effect)
    }
  }

  #answer(id: EffectId, act: () => Promise<Event>): void {
    act().then(
      (event) => this.#world.tell(event),
      (error) => {
        if (error instanceof InvariantError) return this.#world.onBug(error)
        if (!(error instanceof RuntimeFailure)) this.#world.onSurprise(error)
        this.#world.tell(failed(id, error))
      },
    )
  }

  async #startTask(effect: StartTask): Promise<Event> {
    const { id, allocation, job, slot, ports } = effect
    const { name: task } = effect.task
    const { name: node, host } = this.#world.node
    const env = taskEnvironment({ allocation, job, slot, task: effect.task, ports, node, host })
    const start = { allocation, task, job, slot, spec: effect.task, ports, env }
    const { pid, containerId } = await this.#world.runtimes.start(start)
    return { type: 'task-started', id, allocation, task, pid, containerId }
  }

  async #stopTask({ id, allocation, task, graceMs }: StopTask): Promise<Event> {
    const { exitCode } = await this.#world.runtimes.stop({ allocation, task }, graceMs)
    return { type: 'task-stopped', id, allocation, task, exitCode }
  }
}

const notDurable: Omit<EffectFailed, 'id'> = {
  type: 'effect-failed',
  code: 'not-durable',
  detail: 'the step before it could not be written to the disk',
  definite: true,
}

function failed(id: EffectId, error: unknown): EffectFailed {
  const { code, definite } =
    error instanceof RuntimeFailure ? error : { code: 'unexpected', definite: false }
  const detail = (error instanceof Error ? error.message : String(error)).slice(0, 1000)
  return { type: 'effect-failed', id, code, detail, definite }
}
