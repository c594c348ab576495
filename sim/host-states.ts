/** Of each host whether its agent runs: what every message asks, in a few lines of memory for ten thousand hosts. */
import { grown } from '../protocol/base/typed.ts'

/** `asleep`: it runs, and has no core for the moment (asleep.ts). */
export const hostState = { down: 0, up: 1, asleep: 2 } as const
export type HostState = (typeof hostState)[keyof typeof hostState]

export class HostStates {
  #states = new Uint8Array(1024)

  isUp(host: number): boolean {
    return this.#states[host] !== hostState.down
  }

  isAsleep(host: number): boolean {
    return this.#states[host] === hostState.asleep
  }

  set(host: number, state: HostState): void {
    if (host >= this.#states.length) this.#states = grown(this.#states, 2 * host)
    this.#states[host] = state
  }
}
