/**
 * One machine's disk under the agent's store. Writes that come while an fsync is under way go together into the
 * next batch, and batches become durable one after the other, as in node/storage/journal.ts. A batch is durable
 * whole or not at all. When the machine loses power, the batch under way is torn, or whole though nobody was told;
 * when only the agent is killed, the system has its bytes and writes them. What waited behind it is lost.
 *
 * A full disk fails a batch without saying what became of it, and the store does not try again for a while. Not
 * modelled: rotten bits, which the real store finds by checksums, bandwidth, and LevelDB's compactions.
 */
import { compareText } from '../protocol/base/id.ts'
import type { Random } from '../protocol/base/random.ts'
import type { StoreWrite } from '../protocol/effect.ts'
import { fsync } from './measured.ts'
import { Delay } from './quantile.ts'

/** As in node/storage/journal.ts. */
const batchOperationsMax = 4096
const reopenUs = 500_000
/** Of a hundred: a batch under way is whole after a power cut, after a kill, after a failure. */
const wholeAfter = { powerOff: 50, kill: 95, failure: 10 }

const fsyncDelay = new Delay(fsync)

interface Batch {
  readonly startUs: number
  readonly endUs: number
  readonly writes: StoreWrite[]
}

export class Disk {
  isFull = false
  /** Thousandths of the usual time that an fsync takes. */
  slownessPermille = 1000
  /** What it did, and what its faults did: batches that failed, were torn, were lost, or were whole untold. */
  readonly counts = { batches: 0, writes: 0, failed: 0, torn: 0, lost: 0, untold: 0, slowed: 0 }
  /** What was written on top of the base; null where a key of the base was deleted. */
  readonly #durable = new Map<string, StoreWrite['value']>()
  /** What it came with, shared by thousands. */
  #base: ReadonlyMap<string, StoreWrite['value']> = new Map()
  readonly #random: Random
  /** Under way and waiting, in the order of their ends. */
  #batches: Batch[] = []
  #retryAtUs = 0
  /** How the batch that was settled last went. */
  #isFailing = false

  constructor(random: Random) {
    this.#random = random
  }

  /** Takes the writes; answers when their batch is done, and they are to be settled. */
  write(writes: readonly StoreWrite[], nowUs: number): number {
    const last = this.#batches.at(-1)
    if (last !== undefined && last.startUs > nowUs && last.writes.length < batchOperationsMax) {
      last.writes.push(...writes)
      return last.endUs
    }
    const startUs = Math.max(nowUs, last?.endUs ?? 0)
    const endUs = startUs + this.#fsyncUs()
    this.#batches.push({ startUs, endUs, writes: [...writes] })
    this.counts.batches++
    return endUs
  }

  /** At the time that `write` answered with: true when the batch is durable. */
  settle(nowUs: number): boolean {
    if (this.isFull) this.#retryAtUs = nowUs + reopenUs
    const fails = this.isFull || nowUs < this.#retryAtUs
    for (let first = this.#batches[0]; first !== undefined && first.endUs <= nowUs; ) {
      this.#batches.shift()
      this.#isFailing = fails
      if (!fails) this.#commit(first.writes)
      else {
        this.counts.failed++
        if (this.#random.chance(wholeAfter.failure, 100)) this.#commit(first.writes)
      }
      first = this.#batches[0]
    }
    return !this.#isFailing
  }

  /** The agent is killed, or the machine loses its power. */
  crash(how: 'kill' | 'powerOff', nowUs: number): void {
    for (const { startUs, writes } of this.#batches) {
      if (startUs >= nowUs) this.counts.lost++
      else if (this.#random.chance(wholeAfter[how], 100)) {
        this.counts.untold++
        this.#commit(writes)
      } else this.counts.torn++
    }
    this.#batches = []
    this.#retryAtUs = 0
  }

  /** The disk of a machine that has run before. */
  restore(base: ReadonlyMap<string, StoreWrite['value']>): void {
    this.#base = base
  }

  /** What was written to it before. */
  hold(writes: readonly StoreWrite[]): void {
    this.#commit(writes)
  }

  journal(): StoreWrite[] {
    return [...new Map([...this.#base, ...this.#durable])]
      .filter(([, value]) => value !== null)
      .map(([key, value]) => ({ key, value }))
      .sort((a, b) => compareText(a.key, b.key))
  }

  destroy(): void {
    this.#durable.clear()
    this.#base = new Map()
    this.#batches = []
  }

  #fsyncUs(): number {
    if (this.slownessPermille !== 1000) this.counts.slowed++
    const us = fsyncDelay.drawUs(this.#random)
    return Math.max(1, Math.floor((us * this.slownessPermille) / 1000))
  }

  #commit(writes: readonly StoreWrite[]): void {
    this.counts.writes += writes.length
    for (const { key, value } of writes) {
      if (value === null && !this.#base.has(key)) this.#durable.delete(key)
      else this.#durable.set(key, value)
    }
  }
}
