/**
 * A fingerprint of the whole replicated state that says where two replicas differ: a 16-ary Merkle tree over
 * hashed keys. A node's hash is the XOR of the hashes of all entries below it, so one change costs a walk
 * from the root to one bucket, and equal contents have an equal root whatever the order of arrival.
 *
 * The tree is sparse: up to `bucketMax` entries of a node stay one sorted list, which is split when it grows
 * and gathered when it shrinks. An empty replica costs one node, 100,000 records about 5,000. Whether a
 * node is split cannot be seen from outside: hashes are given for every path, split or not. The rejected
 * alternative, 65,536 leaves laid out in advance, costs a megabyte for each of thousands of simulated replicas.
 *
 * 64 bits, as two integers of 32, resist accidents, not adversaries (see base/hash.ts).
 */
import { compareText } from '../base/id.ts'
import { limits } from '../limits.ts'
import { fanOut, hashName } from './hash-list.ts'

export interface DigestItem {
  readonly key: string
  /** `placeOf(key)`: the item's place in the tree. */
  readonly place: number
  /** The hash of the item's contents. */
  readonly high: number
  readonly low: number
}

/** A path is a text of hexadecimal digits, the first ones of `place`; empty for the root. */
export interface Digest<T extends DigestItem> {
  /** The hash of everything, as sixteen hexadecimal digits. */
  root(): string
  add(item: T): void
  /** The item as it was added, with the same hash. */
  remove(item: T): void
  count(path: string): number
  /** High and low words of the 16 children of the path, zero where empty. */
  children(path: string): Uint32Array
  /** In (place, key) order, from that position on. */
  items(path: string, from?: Position): Iterable<T>
}

export interface Position {
  readonly place: number
  readonly key: string
}

export const pathDigitsMax = 8
const bucketMax = limits.syncListed

interface Node<T> {
  high: number
  low: number
  count: number
  /** One of the two is set. */
  items: T[] | undefined
  children: (Node<T> | undefined)[] | undefined
}

export class MerkleTree<T extends DigestItem> implements Digest<T> {
  readonly #root: Node<T> = emptyNode()
  #rootName: string | undefined

  root(): string {
    this.#rootName ??= hashName(this.#root.high, this.#root.low)
    return this.#rootName
  }

  add(item: T): void {
    this.#rootName = undefined
    let node = this.#root
    for (let depth = 0; ; depth++) {
      count(node, item, 1)
      if (node.items !== undefined) return addToBucket(node, node.items, item, depth)
      node = childFor(node.children!, item, depth)
    }
  }

  remove(item: T): void {
    this.#rootName = undefined
    let node = this.#root
    for (let depth = 0; ; depth++) {
      count(node, item, -1)
      if (node.children !== undefined && node.count <= bucketMax / 2) gather(node)
      if (node.items !== undefined) {
        node.items.splice(position(node.items, item), 1)
        return
      }
      const digit = digitAt(item.place, depth)
      const child = node.children![digit]!
      if (child.count === 1) node.children![digit] = undefined
      node = child
    }
  }

  count(path: string): number {
    const found = this.#find(path)
    if (found === undefined) return 0
    if (found.depth === path.length) return found.node.count
    let items = 0
    for (const item of found.node.items!) if (isBelow(item, path)) items += 1
    return items
  }

  children(path: string): Uint32Array {
    const words = new Uint32Array(2 * fanOut)
    const found = this.#find(path)
    if (found === undefined) return words
    const { node } = found
    if (node.children !== undefined)
      node.children.forEach((child, digit) => {
        if (child !== undefined) addHash(words, digit, child.high, child.low)
      })
    else
      for (const item of node.items!)
        if (isBelow(item, path))
          addHash(words, digitAt(item.place, path.length), item.high, item.low)
    return words
  }

  *items(path: string, from?: Position): Iterable<T> {
    const found = this.#find(path)
    if (found === undefined) return
    const order = from === undefined ? 1 : compareText(path, pathOf(from.place, path.length))
    if (order < 0) return
    for (const item of walk(found.node, found.depth, order === 0 ? from : undefined))
      if (found.depth === path.length || isBelow(item, path)) yield item
  }

  /** The node of the path, or the bucket above it that holds what is below the path. */
  #find(path: string): { node: Node<T>; depth: number } | undefined {
    let node: Node<T> | undefined = this.#root
    for (let depth = 0; depth < path.length; depth++) {
      if (node.children === undefined) return { node, depth }
      node = node.children[Number.parseInt(path[depth]!, fanOut)]
      if (node === undefined) return undefined
    }
    return { node, depth: path.length }
  }
}

export function pathOf(place: number, digits: number): string {
  return place.toString(16).padStart(pathDigitsMax, '0').slice(0, digits)
}

function emptyNode<T>(): Node<T> {
  return { high: 0, low: 0, count: 0, items: [], children: undefined }
}

function count<T extends DigestItem>(node: Node<T>, item: T, by: 1 | -1): void {
  node.high ^= item.high
  node.low ^= item.low
  node.count += by
}

function childFor<T>(children: (Node<T> | undefined)[], item: DigestItem, depth: number): Node<T> {
  const digit = digitAt(item.place, depth)
  const child = children[digit] ?? emptyNode<T>()
  children[digit] = child
  return child
}

function addToBucket<T extends DigestItem>(
  node: Node<T>,
  items: T[],
  item: T,
  depth: number,
): void {
  items.splice(position(items, item), 0, item)
  if (items.length <= bucketMax || depth === pathDigitsMax) return
  const children = new Array<Node<T> | undefined>(fanOut).fill(undefined)
  for (const each of items) {
    const child = childFor(children, each, depth)
    count(child, each, 1)
    child.items!.push(each)
  }
  node.items = undefined
  node.children = children
  for (const child of children)
    if (child !== undefined && child.count > bucketMax) splitAgain(child, depth + 1)
}

/** All entries fell into one child: rare, and bounded by the depth. */
function splitAgain<T extends DigestItem>(node: Node<T>, depth: number): void {
  const items = node.items!
  const last = items.pop()!
  addToBucket(node, items, last, depth)
}

function gather<T extends DigestItem>(node: Node<T>): void {
  node.items = [...walk(node, 0, undefined)]
  node.children = undefined
}

function* walk<T extends DigestItem>(
  node: Node<T>,
  depth: number,
  from: Position | undefined,
): Iterable<T> {
  if (node.items !== undefined) {
    for (const item of node.items) if (from === undefined || compare(item, from) >= 0) yield item
    return
  }
  const first = from === undefined ? -1 : digitAt(from.place, depth)
  for (let digit = Math.max(first, 0); digit < fanOut; digit++) {
    const child = node.children![digit]
    if (child !== undefined) yield* walk(child, depth + 1, digit === first ? from : undefined)
  }
}

function compare(a: Position, b: Position): number {
  return a.place - b.place || compareText(a.key, b.key)
}

/** Where the item is in the sorted list, or would be. */
function position(items: readonly DigestItem[], item: DigestItem): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compare(items[middle]!, item) < 0) low = middle + 1
    else high = middle
  }
  return low
}

function digitAt(place: number, depth: number): number {
  return (place >>> (28 - 4 * depth)) & 15
}

function isBelow(item: DigestItem, path: string): boolean {
  return path === '' || item.place >>> (32 - 4 * path.length) === Number.parseInt(path, 16)
}

function addHash(words: Uint32Array, digit: number, high: number, low: number): void {
  words[2 * digit]! ^= high
  words[2 * digit + 1]! ^= low
}
