/**
 * Maps and sets that are empty nearly always: while they are, they take three words instead of thirty. A member has
 * some fifty of them (what is doubted, asked, awaited, …), and a simulator has members by the ten thousand: most
 * of a calm member's memory was empty tables. In use they are the platform's, with its order of insertion.
 *
 * A loop over one that empties it and fills it again does not see the new entries.
 */

export class SparseMap<K, V> implements ReadonlyMap<K, V> {
  #map: Map<K, V> | undefined

  get size(): number {
    return this.#map === undefined ? 0 : this.#map.size
  }

  get(key: K): V | undefined {
    return this.#map?.get(key)
  }

  has(key: K): boolean {
    return this.#map?.has(key) ?? false
  }

  set(key: K, value: V): this {
    this.#map ??= new Map()
    this.#map.set(key, value)
    return this
  }

  delete(key: K): boolean {
    const map = this.#map
    if (map === undefined || !map.delete(key)) return false
    if (map.size === 0) this.#map = undefined
    return true
  }

  clear(): void {
    this.#map = undefined
  }

  keys(): MapIterator<K> {
    return (this.#map ?? (none as Map<K, V>)).keys()
  }

  values(): MapIterator<V> {
    return (this.#map ?? (none as Map<K, V>)).values()
  }

  entries(): MapIterator<[K, V]> {
    return (this.#map ?? (none as Map<K, V>)).entries()
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries()
  }

  forEach(visit: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this) visit(value, key, this)
  }
}

export class SparseSet<T> {
  #set: Set<T> | undefined

  get size(): number {
    return this.#set === undefined ? 0 : this.#set.size
  }

  has(item: T): boolean {
    return this.#set?.has(item) ?? false
  }

  add(item: T): this {
    this.#set ??= new Set()
    this.#set.add(item)
    return this
  }

  delete(item: T): boolean {
    const set = this.#set
    if (set === undefined || !set.delete(item)) return false
    if (set.size === 0) this.#set = undefined
    return true
  }

  clear(): void {
    this.#set = undefined
  }

  keys(): SetIterator<T> {
    return this.values()
  }

  values(): SetIterator<T> {
    return (this.#set ?? (nobody as Set<T>)).values()
  }

  [Symbol.iterator](): SetIterator<T> {
    return this.values()
  }
}

const none = new Map<unknown, unknown>()
const nobody = new Set<unknown>()
