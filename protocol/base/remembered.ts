/**
 * What was made of an object, remembered for as long as the object lives: thousands of simulated members that do the
 * same with what they share then share what comes of it. Of other arguments only the last ones are.
 */
import { isSameList } from './list.ts'

export function remembered<K extends object, A extends readonly unknown[], R>(
  make: (of: K, ...others: A) => R,
): (of: K, ...others: A) => R {
  const last = new WeakMap<K, { readonly others: A; readonly result: R }>()
  return (of, ...others) => {
    const held = last.get(of)
    if (held !== undefined && isSameList(held.others, others)) return held.result
    const result = make(of, ...others)
    last.set(of, { others, result })
    return result
  }
}
