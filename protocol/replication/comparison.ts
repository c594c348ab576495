/**
 * Where two replicas differ: the rules of both sides of a walk down the two Merkle trees. Each message takes
 * the walk one level down, because it says what is below every node that was found to differ. A small node
 * is settled by the list of its entries' hashes; names, dots and contents never travel to be compared.
 */
import { hashName } from '../base/hash.ts'
import { limits } from '../limits.ts'
import { pathDigitsMax, pathOf } from './digest.ts'
import { fanOut, packChildren, packNames, unpackChildren, unpackNames } from './hash-list.ts'
import type { Nodes } from './message.ts'
import type { Entry, RecordMap } from './record-map.ts'
import type { Selection } from './selection.ts'

export interface Findings {
  /** Nodes that differ and are to be looked into. */
  readonly open: string[]
  /** What the other has and we lack. */
  readonly wanted: Selection[]
  /** What we have and the other lacks. */
  readonly missing: Selection[]
}

/** Our hashes of the children of each path. */
export function describeBranches(map: RecordMap, paths: readonly string[]): Nodes {
  return { paths: [...paths], hashes: paths.map((path) => packChildren(map.tree.children(path))) }
}

/** The answering side: what is below those children of the branches that differ here. */
export function lookInto(
  map: RecordMap,
  asked: Nodes | undefined,
): { branches: Nodes; buckets: Nodes } {
  const branches: Nodes = { paths: [], hashes: [] }
  const buckets: Nodes = { paths: [], hashes: [] }
  const paths = (asked?.paths ?? []).slice(0, limits.syncBranches)
  for (const [i, path] of paths.entries()) {
    if (path.length >= pathDigitsMax) continue
    for (const child of differing(map, path, unpackChildren(asked!.hashes[i]!))) {
      const isListed =
        child.path.length === pathDigitsMax || map.tree.count(child.path) <= limits.syncLooked
      const into = isListed ? buckets : branches
      into.paths.push(child.path)
      if (isListed) into.hashes.push(listEntries(map, child.path))
      else if (child.isEmptyThere) into.hashes.push(new Uint8Array(0))
      else into.hashes.push(packChildren(map.tree.children(child.path)))
    }
  }
  return { branches, buckets }
}

/** The asking side. Only what is below an asked path is believed to be an answer. */
export function study(
  map: RecordMap,
  asked: ReadonlySet<string>,
  answer: { branches?: Nodes; buckets?: Nodes },
): Findings {
  const findings: Findings = { open: [], wanted: [], missing: [] }
  const isAsked = (path: string) => path !== '' && asked.has(path.slice(0, -1))
  forEachNode(answer.branches, (path, hashes) => {
    if (isAsked(path)) studyBranch(map, path, hashes, findings)
  })
  forEachNode(answer.buckets, (path, hashes) => {
    if (isAsked(path)) studyBucket(map, path, hashes, findings)
  })
  return findings
}

function studyBranch(map: RecordMap, path: string, hashes: Uint8Array, findings: Findings): void {
  if (hashes.length === 0) findings.wanted.push({ path })
  else
    for (const child of differing(map, path, unpackChildren(hashes))) {
      if (child.isEmptyThere) findings.missing.push({ path: child.path })
      else if (child.isEmptyHere) findings.wanted.push({ path: child.path })
      else if (child.path.length < pathDigitsMax) findings.open.push(child.path)
    }
}

function studyBucket(map: RecordMap, path: string, hashes: Uint8Array, findings: Findings): void {
  const theirs = new Set(unpackNames(hashes))
  const only = new Set(theirs)
  let isMissingAny = false
  for (const entry of map.tree.items(path)) {
    const name = nameOf(entry)
    if (!only.delete(name)) isMissingAny = true
  }
  if (isMissingAny) findings.missing.push({ path, except: theirs })
  if (only.size > 0) findings.wanted.push({ path, only })
}

interface Child {
  readonly path: string
  readonly isEmptyHere: boolean
  readonly isEmptyThere: boolean
}

function* differing(map: RecordMap, path: string, theirs: Uint32Array): Iterable<Child> {
  const ours = map.tree.children(path)
  for (let digit = 0; digit < fanOut; digit++) {
    const [high, low] = [2 * digit, 2 * digit + 1]
    if (ours[high] === theirs[high] && ours[low] === theirs[low]) continue
    yield {
      path: path + digit.toString(fanOut),
      isEmptyHere: ours[high] === 0 && ours[low] === 0,
      isEmptyThere: theirs[high] === 0 && theirs[low] === 0,
    }
  }
}

function listEntries(map: RecordMap, path: string): Uint8Array {
  const names: string[] = []
  for (const entry of map.tree.items(path)) {
    names.push(nameOf(entry))
    if (names.length === limits.syncListed) break
  }
  return packNames(names)
}

/** The entries of the keys that count, each as its exact place and its hash. */
export function describeEntries(map: RecordMap, keys: readonly string[]): Nodes {
  const entries = keys.map((key) => map.get(key)).filter((entry) => entry && entry.counted > 0)
  return {
    paths: entries.map((entry) => pathOf(entry!.place, pathDigitsMax)),
    hashes: entries.map((entry) => packNames([nameOf(entry!)])),
  }
}

/** Those of the described entries that we lack. */
export function unknownOf(map: RecordMap, told: Nodes): Selection[] {
  const unknown: Selection[] = []
  forEachNode(told, (path, hashes) => {
    const only = new Set(unpackNames(hashes))
    for (const entry of map.tree.items(path)) only.delete(nameOf(entry))
    if (path.length === pathDigitsMax && only.size > 0) unknown.push({ path, only })
  })
  return unknown
}

/** The entries of the keys that are not among those told. */
export function untold(map: RecordMap, keys: readonly string[], told: Nodes): Entry[] {
  const known = new Set(told.hashes.flatMap(unpackNames))
  return keys
    .map((key) => map.get(key))
    .filter((entry) => entry !== undefined)
    .filter((entry) => !known.has(nameOf(entry)))
}

function nameOf(entry: Entry): string {
  return hashName(entry.high, entry.low)
}

function forEachNode(
  nodes: Nodes | undefined,
  visit: (path: string, hashes: Uint8Array) => void,
): void {
  if (nodes === undefined) return
  for (const [i, path] of nodes.paths.entries()) visit(path, nodes.hashes[i]!)
}
