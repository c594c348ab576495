/**
 * What happens next: pending events in canonical order (time, kind, destination, source, sequence). Never
 * insertion order: two events of the same microsecond must come in the same order however the run was made.
 */

/** Kinds in the order in which they happen within one microsecond. */
export const kinds = ['fault', 'link', 'disk', 'task', 'message', 'request', 'wake'] as const
export type Kind = (typeof kinds)[number]

export interface Pending {
  /** Integer microseconds of virtual time. */
  readonly at: number
  readonly kind: number
  readonly destination: number
  readonly source: number
  /** Counts what the source has scheduled. */
  readonly sequence: number
  readonly run: () => void
}

export interface EventQueue {
  readonly size: number
  push(pending: Pending): void
  /** The earliest, or undefined when nothing is pending. */
  peek(): Pending | undefined
  pop(): Pending | undefined
}

export function comparePending(a: Pending, b: Pending): number {
  return (
    a.at - b.at ||
    a.kind - b.kind ||
    a.destination - b.destination ||
    a.source - b.source ||
    a.sequence - b.sequence
  )
}

/** A binary heap: enough for some hundred members. */
export class HeapQueue implements EventQueue {
  readonly #heap: Pending[] = []

  get size(): number {
    return this.#heap.length
  }

  peek(): Pending | undefined {
    return this.#heap[0]
  }

  push(pending: Pending): void {
    const heap = this.#heap
    let i = heap.push(pending) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (comparePending(pending, heap[parent]!) >= 0) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = pending
  }

  pop(): Pending | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return top
    let i = 0
    for (let child = 1; child < heap.length; child = 2 * i + 1) {
      if (child + 1 < heap.length && comparePending(heap[child + 1]!, heap[child]!) < 0) child++
      if (comparePending(heap[child]!, last) >= 0) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
    return top
  }
}
