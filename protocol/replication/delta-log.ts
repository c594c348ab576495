/**
 * What this replica learned lately: a bounded ring of keys, in which a position is a watermark. Two replicas
 * that once agreed differ at most in what either has learned since, so the two short lists settle most
 * differences in one round trip, without a walk through the Merkle tree.
 */
import { limits } from '../limits.ts'

export class DeltaLog {
  /** A key learned at position p is at p modulo the capacity. */
  readonly #keys: string[] = []
  #position = 0

  /** After everything learned so far. */
  get position(): number {
    return this.#position
  }

  add(key: string): void {
    this.#keys[this.#position % limits.deltaLogKeys] = key
    this.#position += 1
  }

  /** The distinct keys learned since; undefined when they are too many, or no longer all known. */
  since(position: number): string[] | undefined {
    if (this.#position - position > limits.deltaLogKeys) return undefined
    const keys = new Set<string>()
    for (let p = position; p < this.#position; p++) keys.add(this.#keys[p % limits.deltaLogKeys]!)
    return keys.size <= limits.deltasTold ? [...keys] : undefined
  }
}
