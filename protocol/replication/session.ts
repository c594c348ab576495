/**
 * One comparison with another replica, as led by the side that asks. All state of the walk is here; the other
 * side only answers. One question is under way at a time and each is bounded, so the asker sets the pace in
 * both directions: what it lacks is pulled, what the other lacks is pushed along with the next question.
 */
import { limits } from '../limits.ts'
import { describeBranches, study } from './comparison.ts'
import { packNames } from './hash-list.ts'
import type { Nodes, SyncAnswer, SyncAsk } from './message.ts'
import type { ReplicaRecord } from './record.ts'
import type { RecordMap } from './record-map.ts'
import { fromNodes, handOver, type Selection, type Start, toNodes } from './selection.ts'

export class Session {
  readonly #map: RecordMap
  /** Paths to look into; the last first, so that few are open at a time. */
  #open: string[] = []
  #wanted: Selection[] = []
  #wantedFrom: Start
  #missing: Selection[] = []
  #missingFrom: Start
  /** Deletions that are in no digest any more, to be told to one who has shown that it lacks them. */
  #refuted: ReplicaRecord[] = []
  /** What was told first, in place of the walk; undefined once it is told. */
  #recent: Nodes | undefined
  #hasWalked = false
  readonly #told: Pick<SyncAsk, 'lived'>
  #asks = 0
  #wantedAsked = 0
  /** The question that is under way, kept to be asked again. */
  ask: SyncAsk | undefined
  attempts = 0
  /** Whether it has moved a record that gossip had had the time to bring. */
  isUseful = false

  /**
   * `recent`: entries learned since the two last agreed; undefined where that is not known. `told`: what the
   * first question says besides.
   */
  constructor(map: RecordMap, recent: Nodes | undefined, told: Pick<SyncAsk, 'lived'>) {
    this.#map = map
    this.#told = told
    this.#recent = recent
    if (recent === undefined) this.#walk()
  }

  /** The next question; undefined when there is nothing left to ask or to hand over. */
  next(id: number): SyncAsk | undefined {
    if (!this.#isAnythingLeft()) {
      if (this.#hasWalked) return undefined
      this.#walk()
    }
    this.#asks += 1
    if (this.#asks > limits.syncAsks) return undefined
    const recent = this.#recent
    const paths = this.#open.splice(-limits.syncBranches)
    const wanted = this.#wanted.slice(0, limits.syncWanted)
    const { records: found, next } = handOver(this.#map, this.#missing, this.#missingFrom)
    const records = [...this.#refuted.splice(0), ...found].slice(0, limits.recordsPerMessage)
    this.#missing = next === undefined ? [] : this.#missing.slice(next.index)
    this.#missingFrom = next
    this.#recent = undefined
    this.#wantedAsked = wanted.length
    this.attempts = 0
    this.ask = {
      type: 'sync-ask',
      id,
      root: packNames([this.#map.tree.root()]),
      ...(this.#asks === 1 && this.#told),
      ...(recent && { recent }),
      ...(paths.length > 0 && { branches: describeBranches(this.#map, paths) }),
      ...(wanted.length > 0 && { wanted: toNodes(wanted) }),
      ...(this.#wantedFrom && { after: this.#wantedFrom }),
      ...(records.length > 0 && { records }),
    }
    return this.ask
  }

  refute(records: readonly ReplicaRecord[]): void {
    this.#refuted.push(...records)
  }

  /** Learns from the answer to the question under way, whose records have been joined. */
  take(answer: SyncAnswer): void {
    this.#goOnAfter(answer)
    const asked = new Set(this.ask?.branches?.paths)
    this.ask = undefined
    const { open, wanted, missing } = study(this.#map, asked, answer)
    this.#open.push(...open)
    this.#wanted.push(...wanted)
    this.#missing.push(...missing, ...fromNodes(answer.wanted))
  }

  #goOnAfter({ next, records }: SyncAnswer): void {
    const isProgress = next !== undefined && next.index < this.#wantedAsked && records !== undefined
    this.#wanted = this.#wanted.slice(isProgress ? next.index : this.#wantedAsked)
    this.#wantedFrom = isProgress ? { key: next.key, version: next.version } : undefined
  }

  #isAnythingLeft(): boolean {
    const lists = [this.#open, this.#wanted, this.#missing, this.#refuted]
    return lists.some((list) => list.length > 0) || this.#recent !== undefined
  }

  #walk(): void {
    this.#hasWalked = true
    this.#open.push('')
  }
}
