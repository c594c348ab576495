/**
 * The only way from a map to an output. A Map iterates in insertion order, which differs between
 * members that learned the same facts in another order; sorted, the same facts give the same bytes.
 */
import { compareText } from './id.ts'

export function sortedKeys<V>(map: ReadonlyMap<string, V>): string[] {
  return [...map.keys()].sort(compareText)
}

export function sortedValues<V>(map: ReadonlyMap<string, V>): V[] {
  return sortedKeys(map).map((key) => map.get(key) as V)
}

export function sortedEntries<V>(map: ReadonlyMap<string, V>): [string, V][] {
  return sortedKeys(map).map((key) => [key, map.get(key) as V])
}
