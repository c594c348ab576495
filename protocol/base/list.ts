/** Sorted lists, and lists that others hold: those are replaced, not changed, each new one as long as it need be. */

/** How many items, of a list that begins with those before, are before. */
export function lowerBound<T>(items: readonly T[], isBefore: (item: T) => boolean): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (isBefore(items[middle]!)) low = middle + 1
    else high = middle
  }
  return low
}

/** Of two lists of one length: the very same items. */
export function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

export function inserted<T>(list: readonly T[], at: number, item: T): T[] {
  const longer = new Array<T>(list.length + 1)
  for (let i = 0; i < at; i++) longer[i] = list[i]!
  longer[at] = item
  for (let i = at; i < list.length; i++) longer[i + 1] = list[i]!
  return longer
}

export function removed<T>(list: readonly T[], at: number): T[] {
  const shorter = new Array<T>(list.length - 1)
  for (let i = 0; i < at; i++) shorter[i] = list[i]!
  for (let i = at + 1; i < list.length; i++) shorter[i - 1] = list[i]!
  return shorter
}
