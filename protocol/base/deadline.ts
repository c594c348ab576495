/**
 * Keyed deadlines: a module's table of "call me at the latest then". One key has one deadline; setting it
 * again moves it, and nothing is ever stale, because there is no timer to cancel. The idea is quinn's
 * timer table; the rejected alternative, timers as effects, leaves stale events in flight.
 *
 * A binary heap with lazy deletion: `set` and `clear` are O(log n), `next` is O(1) amortised.
 */
import { compareText, type Millis } from './id.ts'

interface HeapEntry {
  at: Millis
  key: string
}

export class Deadlines {
  #at = new Map<string, Millis>()
  #heap: HeapEntry[] = []

  set(key: string, at: Millis): void {
    if (this.#at.get(key) === at) return
    this.#at.set(key, at)
    this.#push({ at, key })
    if (this.#heap.length > 64 && this.#heap.length > 4 * this.#at.size) this.#rebuild()
  }

  /** Moves the deadline only forward in urgency: keeps the earlier of the two. */
  setEarliest(key: string, at: Millis): void {
    const held = this.#at.get(key)
    if (held === undefined || at < held) this.set(key, at)
  }

  /** Moves a deadline that is set. */
  postpone(key: string, byMs: Millis): void {
    const at = this.#at.get(key)
    if (at !== undefined) this.set(key, at + byMs)
  }

  clear(key: string): void {
    this.#at.delete(key)
  }

  has(key: string): boolean {
    return this.#at.has(key)
  }

  next(): Millis | undefined {
    this.#dropStale()
    return this.#heap[0]?.at
  }

  /** Removes and returns the earliest key due at `now`; ties in key order. */
  takeDue(now: Millis): string | undefined {
    this.#dropStale()
    const top = this.#heap[0]
    if (top === undefined || top.at > now) return undefined
    this.#pop()
    this.#at.delete(top.key)
    return top.key
  }

  #dropStale(): void {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#at.get(top.key) === top.at) return
      this.#pop()
    }
  }

  #rebuild(): void {
    this.#heap = []
    for (const [key, at] of this.#at) this.#push({ at, key })
  }

  #push(entry: HeapEntry): void {
    const heap = this.#heap
    let i = heap.push(entry) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(entry, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
  }
}

function isBefore(a: HeapEntry, b: HeapEntry): boolean {
  return a.at < b.at || (a.at === b.at && compareText(a.key, b.key) < 0)
}

/** The earliest of several deadlines. */
export function earliest(...deadlines: (Millis | undefined)[]): Millis | undefined {
  let first: Millis | undefined
  for (const at of deadlines)
    if (at !== undefined && (first === undefined || at < first)) first = at
  return first
}
