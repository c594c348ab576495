/**
 * Clients' writes on their way to the disk. Until they are there they do not exist for anybody; but the next
 * write of the same key names them as what it replaces, and who asks about the key is told to wait.
 */
import { SparseMap } from '../base/sparse.ts'
import type { ReplicaRecord } from './record.ts'
import type { Proposal } from './write-concern.ts'

export class Proposals {
  #size = 0
  /** The last of each key. */
  readonly #last = new SparseMap<string, ReplicaRecord>()

  get size(): number {
    return this.#size
  }

  last(key: string): ReplicaRecord | undefined {
    return this.#last.get(key)
  }

  add({ records }: Proposal): void {
    this.#size += 1
    for (const record of records) this.#last.set(record.key, record)
  }

  /** It is durable, or has failed. */
  retire({ records }: Proposal): void {
    this.#size -= 1
    for (const record of records)
      if (this.#last.get(record.key) === record) this.#last.delete(record.key)
  }
}
