/**
 * Keys in order, findable by prefix without a look at all of them: shelves by the first part of the key,
 * and on a shelf groups by its first two parts. `alloc/<member>/` is one group; `job/` is one shelf.
 *
 * A group's name is the key up to and with its second slash, or the whole key where it has fewer. With the
 * slash in the name, groups sort exactly as their keys do: `job/a-b/` comes before `job/a/`.
 */
import { compareText } from '../base/id.ts'
import { sortedKeys } from '../base/order.ts'

interface Shelf {
  /** Keys of each group, sorted. */
  readonly groups: Map<string, string[]>
  /** Names of the groups, sorted on demand. */
  names: string[] | undefined
}

export class KeyIndex {
  readonly #shelves = new Map<string, Shelf>()

  add(key: string): void {
    const shelf = this.#shelfFor(key)
    const name = groupOf(key)
    const keys = shelf.groups.get(name)
    if (keys === undefined) {
      shelf.groups.set(name, [key])
      shelf.names = undefined
    } else {
      const at = firstNotBefore(keys, key)
      if (keys[at] !== key) keys.splice(at, 0, key)
    }
  }

  delete(key: string): void {
    const shelf = this.#shelves.get(shelfOf(key))
    const name = groupOf(key)
    const keys = shelf?.groups.get(name)
    if (shelf === undefined || keys === undefined) return
    const at = firstNotBefore(keys, key)
    if (keys[at] !== key) return
    if (keys.length > 1) keys.splice(at, 1)
    else {
      shelf.groups.delete(name)
      shelf.names = undefined
      if (shelf.groups.size === 0) this.#shelves.delete(shelfOf(key))
    }
  }

  /** A snapshot, sorted: the index may change while it is walked. */
  withPrefix(prefix: string): string[] {
    const group = groupOf(prefix)
    const keys = this.#shelves.get(shelfOf(prefix))?.groups.get(group)
    if (prefix === group && group.endsWith('/') && keys !== undefined) return keys.slice()
    const found: string[] = []
    for (const name of sortedKeys(this.#shelves)) {
      if (!overlap(name, prefix)) continue
      const shelf = this.#shelves.get(name)!
      shelf.names ??= sortedKeys(shelf.groups)
      for (const each of namesWithin(shelf.names, prefix))
        for (const key of shelf.groups.get(each)!) if (key.startsWith(prefix)) found.push(key)
    }
    return found
  }

  #shelfFor(key: string): Shelf {
    const name = shelfOf(key)
    let shelf = this.#shelves.get(name)
    if (shelf === undefined) {
      shelf = { groups: new Map(), names: undefined }
      this.#shelves.set(name, shelf)
    }
    return shelf
  }
}

/** The run of group names that may hold keys with the prefix. */
function* namesWithin(names: readonly string[], prefix: string): Iterable<string> {
  const group = groupOf(prefix)
  for (let i = firstNotBefore(names, group); i < names.length; i++) {
    const name = names[i]!
    if (!overlap(name, prefix)) return
    yield name
  }
}

function overlap(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a)
}

function shelfOf(key: string): string {
  const slash = key.indexOf('/')
  return slash < 0 ? key : key.slice(0, slash + 1)
}

function groupOf(key: string): string {
  const first = key.indexOf('/')
  const second = first < 0 ? -1 : key.indexOf('/', first + 1)
  return second < 0 ? key : key.slice(0, second + 1)
}

function firstNotBefore(sorted: readonly string[], text: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareText(sorted[middle]!, text) < 0) low = middle + 1
    else high = middle
  }
  return low
}
