/**
 * Which members provide a service, in the Kademlia DHT. Only a hint: records outlive their provider by
 * minutes, so whoever finds one asks the member itself. Nothing waits for the DHT: each walk has a time
 * limit, few run at once, and what cannot run is left to the next renewal.
 */
import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import type { MemberId } from '../../protocol/base/id.ts'
import { limits } from '../../protocol/limits.ts'
import type { Counters } from './counters.ts'
import type { Node } from './libp2p.ts'
import { timing } from './timing.ts'

const rawCodec = 0x55
const sha256Code = 0x12
/** Told to fewer than this, a record may be out of reach of the others. */
const heardByEnough = 3

export function serviceKey(name: string): CID {
  const hash = createHash('sha256').update(`starling/service/${name}`).digest()
  return CID.createV1(rawCodec, createDigest(sha256Code, hash))
}

export class ServiceIndex {
  readonly #node: Node
  readonly #counters: Counters
  readonly #stopping = new AbortController()
  /** Every name that is provided, and how many members were told. */
  readonly #heardBy = new Map<string, number>()
  readonly #queue = new Set<string>()
  #finding = 0
  #telling = 0
  #settle: NodeJS.Timeout | undefined

  constructor(node: Node, counters: Counters) {
    this.#node = node
    this.#counters = counters
  }

  provide(name: string): void {
    if (this.#heardBy.has(name)) return
    if (this.#heardBy.size >= limits.providedNames) return this.#counters.drop('dht-busy')
    this.#heardBy.set(name, 0)
    this.#enqueue(name)
  }

  withdraw(name: string): void {
    if (!this.#heardBy.delete(name)) return
    this.#queue.delete(name)
    void this.#forget(name)
  }

  /** Ends without an error at the signal, at the time limit, or when there are no more. */
  async *find(name: string, signal: AbortSignal): AsyncGenerator<MemberId> {
    if (this.#finding >= limits.dhtQueries) return this.#counters.drop('dht-busy')
    this.#finding++
    const found = new Set<MemberId>()
    try {
      for await (const event of this.#walk('findProviders', name, signal)) {
        if (event.name !== 'PROVIDER') continue
        for (const { id } of event.providers) {
          const member = id.toString()
          if (!found.has(member)) yield member
          found.add(member)
        }
      }
    } catch {
      if (!signal.aborted) this.#counters.drop('dht-failed')
    } finally {
      this.#finding--
    }
  }

  /** What nobody was there to be told, when we were alone, is told again once there is somebody. */
  onLinkOpened(): void {
    this.#settle ??= setTimeout(() => {
      this.#settle = undefined
      for (const [name, heardBy] of this.#heardBy) if (heardBy < heardByEnough) this.#enqueue(name)
    }, timing.dhtSettleMs)
  }

  stop(): void {
    clearTimeout(this.#settle)
    this.#queue.clear()
    this.#stopping.abort()
  }

  #enqueue(name: string): void {
    this.#queue.add(name)
    this.#drain()
  }

  #drain(): void {
    for (const name of this.#queue) {
      if (this.#telling >= limits.dhtProvides || this.#stopping.signal.aborted) return
      this.#queue.delete(name)
      void this.#tell(name)
    }
  }

  async #tell(name: string): Promise<void> {
    this.#telling++
    let heardBy = 0
    try {
      for await (const event of this.#walk('provide', name)) {
        if (event.name === 'PEER_RESPONSE' && event.messageName === 'ADD_PROVIDER') heardBy++
      }
    } catch {
      this.#counters.drop('dht-failed')
    }
    this.#telling--
    if (this.#heardBy.has(name)) this.#heardBy.set(name, heardBy)
    else void this.#forget(name) // withdrawn while it was told
    this.#drain()
  }

  #walk(what: 'provide' | 'findProviders', name: string, signal?: AbortSignal) {
    const signals = [AbortSignal.timeout(timing.dhtQueryMs), this.#stopping.signal]
    if (signal !== undefined) signals.push(signal)
    return this.#node.services.dht[what](serviceKey(name), { signal: AbortSignal.any(signals) })
  }

  async #forget(name: string): Promise<void> {
    const signal = AbortSignal.timeout(timing.dhtQueryMs)
    await this.#node.services.dht.cancelReprovide(serviceKey(name), { signal }).catch(() => {
      this.#counters.drop('dht-failed')
    })
  }
}
