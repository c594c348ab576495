/**
 * The answering side of a comparison: a function of what we hold and of the question, which has brought all
 * that there is to remember. Bounded like any message: 512 lists of 32 hashes, and records of `syncBytes`.
 */
import { limits } from '../limits.ts'
import { lookInto, unknownOf, untold } from './comparison.ts'
import type { Nodes, SyncAnswer, SyncAsk } from './message.ts'
import { firstThatFit } from './outbox.ts'
import type { ReplicaRecord } from './record.ts'
import type { RecordMap } from './record-map.ts'
import { fromNodes, type Handover, handOver, toNodes } from './selection.ts'

/** `learned`: keys learned since we last agreed with the asker; undefined when not known, or too many. */
export function answerTo(
  map: RecordMap,
  ask: SyncAsk,
  root: Uint8Array,
  learned: readonly string[] | undefined,
): SyncAnswer {
  const { branches, buckets } = lookInto(map, ask.branches)
  const lacking = ask.recent && toNodes(unknownOf(map, ask.recent).slice(0, limits.deltasTold))
  const { records, next } = recordsFor(map, ask, learned)
  return {
    type: 'sync-answer',
    id: ask.id,
    root,
    ...(isSome(branches) && { branches }),
    ...(isSome(buckets) && { buckets }),
    ...(isSome(lacking) && { wanted: lacking }),
    ...(records.length > 0 && { records }),
    ...(next && { next }),
  }
}

/** What was wanted by name; or, to one who tells what is new to it, what is new to us. */
function recordsFor(
  map: RecordMap,
  ask: SyncAsk,
  learned: readonly string[] | undefined,
): Handover {
  if (ask.recent === undefined)
    return handOver(map, fromNodes(ask.wanted).slice(0, limits.syncWanted), ask.after)
  const records: ReplicaRecord[] = []
  for (const entry of untold(map, learned ?? [], ask.recent))
    records.push(...entry.versions.slice(0, entry.counted))
  return { records: firstThatFit(records), next: undefined }
}

function isSome(nodes: Nodes | undefined): nodes is Nodes {
  return nodes !== undefined && nodes.paths.length > 0
}
