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
  readonly groups: Map<string, Group>
  /** Names of the groups, sorted on demand. */
  names: string[] | undefined
}

/** A read costs a walk through the group anyway, so it also puts in order what was added since the last. */
interface Group {
  sorted: string[]
  added: string[]
}

export class KeyIndex {
  readonly #shelves = new Map<string, Shelf>()

  /** A key that is not there. */
  add(key: string): void {
    const shelf = this.#shelfFor(key)
    const name = groupOf(key)
    const group = shelf.groups.get(name)
    if (group !== undefined) group.added.push(key)
    else {
      shelf.groups.set(name, { sorted: [key], added: [] })
      shelf.names = undefined
    }
  }

  delete(key: string): void {
    const shelf = this.#shelves.get(shelfOf(key))
    const name = groupOf(key)
    const group = shelf?.groups.get(name)
    if (shelf === undefined || group === undefined) return
    const keys = inOrder(group)
    const at = firstNotBefore(keys, key)
    if (keys[at] === key) keys.splice(at, 1)
    if (keys.length > 0) return
    shelf.groups.delete(name)
    shelf.names = undefined
    if (shelf.groups.size === 0) this.#shelves.delete(shelfOf(key))
  }

  /** A snapshot, sorted: the index may change while it is walked. */
  withPrefix(prefix: string): string[] {
    const group = this.#wholeGroup(prefix)
    if (group !== undefined) return inOrder(group).slice()
    const found: string[] = []
    for (const name of sortedKeys(this.#shelves)) {
      if (!overlap(name, prefix)) continue
      const shelf = this.#shelves.get(name)!
      shelf.names ??= sortedKeys(shelf.groups)
      for (const each of namesWithin(shelf.names, prefix))
        for (const key of inOrder(shelf.groups.get(each)!))
          if (key.startsWith(prefix)) found.push(key)
    }
    return found
  }

  /** The common case: the prefix is the name of a group, up to and with the second slash. */
  #wholeGroup(prefix: string): Group | undefined {
    const shelf = shelfOf(prefix)
    const isGroup = prefix === groupOf(prefix) && prefix.endsWith('/') && prefix !== shelf
    return isGroup ? this.#shelves.get(shelf)?.groups.get(prefix) : undefined
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

function inOrder(group: Group): string[] {
  if (group.added.length > 0) {
    // Two sorted runs are merged in linear time by the sort of every engine we know.
    group.sorted = group.sorted.concat(group.added.sort(compareText)).sort(compareText)
    group.added = []
  }
  return group.sorted
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
