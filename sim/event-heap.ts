/**
 * A binary heap of events in typed arrays, in the canonical order of queue.ts: for the few events that the
 * ladder's buckets do not take, those that are due within the bucket that is being emptied and those beyond
 * its last one. Nothing is allocated for an event; the arrays double when they are full.
 */

import { grown } from '../protocol/base/typed.ts'

/** Integers that one event takes beside its time: kind, destination, source, sequence, payload. */
export const eventWords = 5

export class EventHeap {
  #at = new Float64Array(64)
  #words = new Int32Array(64 * eventWords)
  /** Slots in heap order, and behind them the free ones. */
  #heap = new Int32Array(64).map((_, i) => i)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The earliest time; only when not empty. */
  topAt(): number {
    return this.#at[this.#heap[0]!]!
  }

  /** One word of the earliest. */
  topWord(word: number): number {
    return this.#words[this.#heap[0]! * eventWords + word]!
  }

  /** Takes the five words at `from` of `words`. */
  push(at: number, words: Int32Array, from: number): void {
    if (this.#size === this.#heap.length) this.#grow()
    const heap = this.#heap
    const slot = heap[this.#size]!
    this.#at[slot] = at
    for (let i = 0; i < eventWords; i++) this.#words[slot * eventWords + i] = words[from + i]!
    let i = this.#size++
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!this.#isBefore(slot, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = slot
  }

  /** Lets go of the earliest. */
  drop(): void {
    const heap = this.#heap
    const freed = heap[0]!
    const last = heap[--this.#size]!
    heap[this.#size] = freed
    if (this.#size === 0) return
    let i = 0
    for (let child = 1; child < this.#size; child = 2 * i + 1) {
      if (child + 1 < this.#size && this.#isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!this.#isBefore(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
  }

  #isBefore(a: number, b: number): boolean {
    const early = this.#at[a]! - this.#at[b]!
    return early !== 0 ? early < 0 : compareWords(this.#words, a * eventWords, b * eventWords) < 0
  }

  #grow(): void {
    const length = 2 * this.#heap.length
    const heap = new Int32Array(length).map((_, i) => i)
    heap.set(this.#heap)
    this.#at = grown(this.#at, length)
    this.#words = grown(this.#words, length * eventWords)
    this.#heap = heap
  }
}

/** By kind, destination, source, sequence. */
export function compareWords(words: Int32Array, a: number, b: number): number {
  for (let i = 0; i < eventWords - 1; i++) {
    const difference = words[a + i]! - words[b + i]!
    if (difference !== 0) return difference
  }
  return 0
}
