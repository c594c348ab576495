/** The dumb oracle of the queue: a binary heap of plain objects. */

export interface Pending {
  readonly at: number
  readonly kind: number
  readonly destination: number
  readonly source: number
  readonly sequence: number
  readonly payload: number
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

export class HeapQueue {
  readonly #heap: Pending[] = []

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
