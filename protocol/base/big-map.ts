/**
 * Maps that grow with the cluster: one entry a member, a job, a record. An agent has plain ones of its own. A
 * simulator of 10,000 agents has 10,000 maps of 10,000 entries that are nearly all equal, so it brings maps that
 * share what is equal, and a copy of which costs nothing. Values are immutable; they are replaced, never changed.
 *
 * The order of iteration is not part of the bargain: what depends on order goes through `order.ts`.
 */

export interface BigMap<V> {
  readonly size: number
  get(key: string): V | undefined
  has(key: string): boolean
  set(key: string, value: V): unknown
  delete(key: string): boolean
  keys(): Iterable<string>
  values(): Iterable<V>
}

export interface BigMaps {
  /** Maps of one `kind` have mostly the same keys. */
  create<V>(kind: string): BigMap<V>
  /** An independent copy of a map that these maps have made. */
  copy<V>(map: BigMap<V>): BigMap<V>
}

export const plainMaps: BigMaps = {
  create: () => new Map(),
  copy: <V>(map: BigMap<V>) => new Map(map as Map<string, V>),
}
