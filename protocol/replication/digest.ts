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
 * Nodes never change; a change of the tree copies the path from the root to one bucket, about a microsecond, and
 * each node remembers the last change that was made to it. So trees of equal contents are one tree, and such as differ
 * a little share nearly all: a simulator of 10,000 replicas has one, and most of them find each change made.
 *
 * 64 bits, as two integers of 32, resist accidents, not adversaries (see base/hash.ts).
 */

import { hashName } from '../base/hash.ts'
import { compareText } from '../base/id.ts'
import { inserted, isSameList, lowerBound, removed } from '../base/list.ts'
import { limits } from '../limits.ts'
import { fanOut } from './hash-list.ts'

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
  /** Equal nodes of two depths are two: one more item splits them by different digits. */
  readonly depth: number
  readonly high: number
  readonly low: number
  readonly count: number
  /** One of the two is set. */
  readonly items: readonly T[] | undefined
  readonly children: readonly (Node<T> | undefined)[] | undefined
  /** Of a root: its hash as a text. */
  name: string | undefined
  /** What was made of it last. */
  change: Change<T> | undefined
}

interface Step<T> {
  readonly item: T
  /** It comes, or goes. */
  readonly by: 1 | -1
}

interface Change<T> extends Step<T> {
  readonly result: Node<T>
}

export class MerkleTree<T extends DigestItem> implements Digest<T> {
  #root: Node<T> = nodeOf<T>([], 0)

  copy(): MerkleTree<T> {
    const copy = new MerkleTree<T>()
    copy.#root = this.#root
    return copy
  }

  root(): string {
    this.#root.name ??= hashName(this.#root.high, this.#root.low)
    return this.#root.name
  }

  add(item: T): void {
    this.#root = changed(this.#root, { item, by: 1 })
  }

  remove(item: T): void {
    this.#root = changed(this.#root, { item, by: -1 })
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

/** Nodes that equal ones are looked for among. */
const nodesRemembered = 4096
const lastNodes = new Array<Node<DigestItem> | undefined>(nodesRemembered)

/** As others have made it of this node, or in another order: replicas that hold the same share nearly all of it. */
function changed<T extends DigestItem>(node: Node<T>, step: Step<T>): Node<T> {
  const { change } = node
  if (change !== undefined && change.item === step.item && change.by === step.by)
    return change.result
  const result = known(step.by === 1 ? withItem(node, step) : withoutItem(node, step))
  node.change = { item: step.item, by: step.by, result }
  return result
}

function known<T extends DigestItem>(node: Node<T>): Node<T> {
  const place = (node.high ^ node.low) & (nodesRemembered - 1)
  const held = lastNodes[place]
  const isAlike = held?.high === node.high && held.low === node.low && held.count === node.count
  if (isAlike && held.depth === node.depth && isSame(held, node)) return held as Node<T>
  lastNodes[place] = node
  return node
}

/** The very same items, and not only their hashes. */
function isSame(a: Node<DigestItem>, b: Node<DigestItem>): boolean {
  if (a === b) return true
  if (a.items !== undefined && b.items !== undefined)
    return a.count === b.count && isSameList(a.items, b.items)
  if (a.children === undefined || b.children === undefined) return false
  for (let i = 0; i < fanOut; i++) {
    const child = a.children[i]
    const other = b.children[i]
    if (child === other) continue
    if (child === undefined || other === undefined || !isSame(child, other)) return false
  }
  return true
}

function nodeOf<T extends DigestItem>(items: readonly T[], depth: number): Node<T> {
  let high = 0
  let low = 0
  for (const item of items) {
    high ^= item.high
    low ^= item.low
  }
  const none = { children: undefined, name: undefined, change: undefined }
  return { depth, high, low, count: items.length, items, ...none }
}

function withItem<T extends DigestItem>(node: Node<T>, step: Step<T>): Node<T> {
  const { item } = step
  const { depth } = node
  if (node.items !== undefined) {
    const { items } = node
    return bucketOf(inserted(items, position(items, item), item), depth)
  }
  const digit = digitAt(item.place, depth)
  const child = node.children![digit]
  const after = child === undefined ? known(nodeOf([item], depth + 1)) : changed(child, step)
  return withChild(node, digit, after, step)
}

function withoutItem<T extends DigestItem>(node: Node<T>, step: Step<T>): Node<T> {
  const { item } = step
  const { depth } = node
  const gathered = node.children !== undefined && node.count - 1 <= bucketMax / 2
  if (node.items !== undefined || gathered) {
    const items = node.items ?? [...walk(node, depth, undefined)]
    return nodeOf(removed(items, position(items, item)), depth)
  }
  const digit = digitAt(item.place, depth)
  const child = node.children![digit]!
  const after = child.count === 1 ? undefined : changed(child, step)
  return withChild(node, digit, after, step)
}

function withChild<T extends DigestItem>(
  node: Node<T>,
  digit: number,
  child: Node<T> | undefined,
  { item, by }: Step<T>,
): Node<T> {
  const children = node.children!.slice()
  children[digit] = child
  return {
    depth: node.depth,
    high: node.high ^ item.high,
    low: node.low ^ item.low,
    count: node.count + by,
    items: undefined,
    children,
    name: undefined,
    change: undefined,
  }
}

/** A bucket of the items, or where they are too many, a node with a bucket for each digit. */
function bucketOf<T extends DigestItem>(items: readonly T[], depth: number): Node<T> {
  const bucket = nodeOf(items, depth)
  if (items.length <= bucketMax || depth === pathDigitsMax) return bucket
  const shares: T[][] = Array.from({ length: fanOut }, () => [])
  for (const item of items) shares[digitAt(item.place, depth)]!.push(item)
  const children = shares.map((share) =>
    share.length === 0 ? undefined : bucketOf(share, depth + 1),
  )
  return { ...bucket, items: undefined, children }
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
  return lowerBound(items, (each) => compare(each, item) < 0)
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
