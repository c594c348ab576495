/**
 * What a SWIM member has to tell: one update of each subject, the least told first, each a limited number of
 * times. A newer update of a subject takes the place of the older one.
 */

export type SwimState = 'alive' | 'suspect' | 'dead'

export interface Update {
  readonly subject: number
  readonly incarnation: number
  readonly state: SwimState
  /** Who says so. */
  readonly from: number
}

interface Queued {
  readonly update: Update
  told: number
}

export class BroadcastQueue {
  readonly #queued = new Map<number, Queued>()

  get isEmpty(): boolean {
    return this.#queued.size === 0
  }

  add(update: Update): void {
    this.#queued.delete(update.subject)
    this.#queued.set(update.subject, { update, told: 0 })
  }

  take(most: number, timesMax: number): readonly Update[] {
    if (this.#queued.size === 0) return nothing
    const all = [...this.#queued.values()]
    const chosen = all.length <= most ? all : all.sort((a, b) => a.told - b.told).slice(0, most)
    for (const each of chosen) if (++each.told >= timesMax) this.#queued.delete(each.update.subject)
    return chosen.map(({ update }) => update)
  }
}

const nothing: readonly Update[] = []
