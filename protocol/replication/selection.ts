/**
 * Which records to hand over: entries below paths of the Merkle tree, all of them or only those with (or
 * without) certain hashes, in the order of the tree. What does not fit into one message is taken up at a
 * cursor with the next, so a replica of any size streams through messages of bounded size, and nothing has
 * to be remembered but where to go on.
 */

import { hashName } from '../base/hash.ts'
import { limits } from '../limits.ts'
import { packNames, unpackNames } from './hash-list.ts'
import type { Nodes } from './message.ts'
import type { ReplicaRecord } from './record.ts'
import { type Entry, placeOf, type RecordMap } from './record-map.ts'
import { recordSize } from './signature.ts'

export interface Selection {
  readonly path: string
  /** `undefined` for no condition. */
  readonly only?: ReadonlySet<string>
  readonly except?: ReadonlySet<string>
}

/** The first record that was not handed over. */
export interface Cursor {
  readonly index: number
  readonly key: string
  readonly version: number
}

export interface Handover {
  readonly records: ReplicaRecord[]
  /** Undefined when all were handed over. */
  readonly next: Cursor | undefined
}

/** The start of the first selection, or where an earlier handover ended. */
export type Start = Pick<Cursor, 'key' | 'version'> | undefined

export function handOver(map: RecordMap, selections: readonly Selection[], start: Start): Handover {
  const records: ReplicaRecord[] = []
  let bytes = 0
  for (const [index, selection] of selections.entries()) {
    for (const { entry, from } of selected(map, selection, index === 0 ? start : undefined)) {
      for (let version = from; version < entry.counted; version++) {
        const record = entry.versions[version]!
        bytes += recordSize(record)
        if (isOver(records.length, bytes))
          return { records, next: { index, key: entry.key, version } }
        records.push(record)
      }
    }
  }
  return { records, next: undefined }
}

function isOver(records: number, bytes: number): boolean {
  return records > 0 && (records >= limits.recordsPerMessage || bytes > limits.syncBytes)
}

function* selected(
  map: RecordMap,
  selection: Selection,
  start: Start,
): Iterable<{ entry: Entry; from: number }> {
  const position = start && { place: placeOf(start.key), key: start.key }
  for (const entry of map.tree.items(selection.path, position)) {
    const name = hashName(entry.high, entry.low)
    if (selection.only?.has(name) === false || selection.except?.has(name)) continue
    yield { entry, from: entry.key === start?.key ? start.version : 0 }
  }
}

/** As it goes on the wire: no hash stands for all entries of the path. */
export function toNodes(selections: readonly Selection[]): Nodes {
  return {
    paths: selections.map(({ path }) => path),
    hashes: selections.map(({ only }) => packNames(only ?? [])),
  }
}

export function fromNodes(nodes: Nodes | undefined): Selection[] {
  return (nodes?.paths ?? []).map((path, i) => {
    const names = unpackNames(nodes!.hashes[i]!)
    return names.length === 0 ? { path } : { path, only: new Set(names) }
  })
}
