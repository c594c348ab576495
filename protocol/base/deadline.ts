/**
 * Keyed deadlines: a module's table of "call me at the latest then". One key has one deadline; setting it
 * again moves it, and nothing is ever stale, because there is no timer to cancel. The idea is quinn's
 * timer table; the rejected alternative, timers as effects, leaves stale events in flight.
 *
 * A binary heap whose entries know their places: `set` and `clear` are O(log n), `next` is a look at the top.
 */
import { compareText, type Millis } from './id.ts'

interface Entry {
  readonly key: string
  at: Millis
  place: number
}

const fewEntries = 8

export class Deadlines {
  readonly #heap: Entry[] = []
  /** By key, once there are more than a look along the heap finds at the same cost. */
  #entries: Map<string, Entry> | undefined

  set(key: string, at: Millis): void {
    const held = this.#find(key)
    if (held === undefined) {
      const entry = { key, at, place: this.#heap.length }
      this.#entries?.set(key, entry)
      this.#heap.push(entry)
      if (this.#entries === undefined && this.#heap.length > fewEntries) this.#index()
      this.#rise(entry)
    } else if (held.at !== at) {
      held.at = at
      this.#rise(held)
      this.#sink(held)
    }
  }

  /** Moves the deadline only forward in urgency: keeps the earlier of the two. */
  setEarliest(key: string, at: Millis): void {
    const held = this.#find(key)
    if (held === undefined || at < held.at) this.set(key, at)
  }

  /** Moves a deadline that is set. */
  postpone(key: string, byMs: Millis): void {
    const held = this.#find(key)
    if (held !== undefined) this.set(key, held.at + byMs)
  }

  clear(key: string): void {
    const held = this.#find(key)
    if (held !== undefined) this.#remove(held)
  }

  has(key: string): boolean {
    return this.#find(key) !== undefined
  }

  next(): Millis | undefined {
    return this.#heap[0]?.at
  }

  /** Removes and returns the earliest key due at `now`; ties in key order. */
  takeDue(now: Millis): string | undefined {
    const top = this.#heap[0]
    if (top === undefined || top.at > now) return undefined
    this.#remove(top)
    return top.key
  }

  /** Takes one after the other, also what becomes due meanwhile. */
  *due(now: Millis): Generator<string, void, void> {
    for (let key = this.takeDue(now); key !== undefined; key = this.takeDue(now)) yield key
  }

  #find(key: string): Entry | undefined {
    if (this.#entries !== undefined) return this.#entries.get(key)
    for (const entry of this.#heap) if (entry.key === key) return entry
    return undefined
  }

  #index(): void {
    this.#entries = new Map(this.#heap.map((entry) => [entry.key, entry]))
  }

  #remove(entry: Entry): void {
    this.#entries?.delete(entry.key)
    const last = this.#heap.pop()!
    if (last === entry) return
    last.place = entry.place
    this.#heap[last.place] = last
    this.#rise(last)
    this.#sink(last)
  }

  #rise(entry: Entry): void {
    const heap = this.#heap
    while (entry.place > 0) {
      const parent = heap[(entry.place - 1) >> 1]!
      if (!isBefore(entry, parent)) return
      this.#swap(entry, parent)
    }
  }

  #sink(entry: Entry): void {
    const heap = this.#heap
    for (;;) {
      const left = heap[2 * entry.place + 1]
      if (left === undefined) return
      const right = heap[2 * entry.place + 2]
      const child = right !== undefined && isBefore(right, left) ? right : left
      if (!isBefore(child, entry)) return
      this.#swap(child, entry)
    }
  }

  #swap(a: Entry, b: Entry): void {
    const place = a.place
    a.place = b.place
    b.place = place
    this.#heap[a.place] = a
    this.#heap[b.place] = b
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && compareText(a.key, b.key) < 0)
}

/** The earlier of two deadlines. */
export function earlier(a: Millis | undefined, b: Millis | undefined): Millis | undefined {
  if (a === undefined) return b
  return b === undefined || a <= b ? a : b
}

/** The earliest of several deadlines. */
export function earliest(...deadlines: (Millis | undefined)[]): Millis | undefined {
  let first: Millis | undefined
  for (const at of deadlines)
    if (at !== undefined && (first === undefined || at < first)) first = at
  return first
}
