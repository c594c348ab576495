/**
 * Who else has a client's write. A write that is durable here is sent to as many other members as its
 * client asked for copies, less one; they answer once it is durable there. Members are asked in rotation,
 * and one that does not answer is passed over for another.
 *
 * A message costs the same whatever is in it, so writes go in rounds: while `replicateBatches` rounds are
 * under way, further writes gather, and the next round carries all of them in one message per member. A
 * single write goes out at once; 64 clients share a message. (Group commit, applied to the network.)
 */

import { Deadlines } from '../base/deadline.ts'
import type { MemberId, Millis, RequestId } from '../base/id.ts'
import { SparseMap } from '../base/sparse.ts'
import type { Config } from '../config.ts'
import type { EffectSink } from '../effect.ts'
import { limits } from '../limits.ts'
import type { ReplicaRecord } from './record.ts'
import { recordSize } from './signature.ts'

export interface Proposal {
  readonly request: RequestId
  readonly records: readonly ReplicaRecord[]
  /** As the client asked; null for the default. */
  readonly copies: number | null
}

export interface Settled {
  readonly request: RequestId
  readonly outcome: 'written' | 'too-few-copies' | 'storage-failed'
  readonly copies: number
}

interface Write extends Proposal {
  readonly wanted: number
  readonly asked: Set<MemberId>
  /** Other members that have it safely. */
  readonly holders: Set<MemberId>
  isDurableHere: boolean
  isSettled: boolean
}

interface Batch {
  readonly peer: MemberId
  readonly writes: readonly Write[]
  readonly round: Round
}

interface Round {
  readonly id: number
  readonly writes: readonly Write[]
  unanswered: number
  isOver: boolean
}

/** Copies that a write needs: two by default, as long as there is anybody to hold the second. */
export function copiesWanted(asked: number | null, peers: number): number {
  return asked ?? (peers > 0 ? 2 : 1)
}

export class WriteConcern {
  readonly #config: Config
  readonly #peers: () => readonly MemberId[]
  readonly #writes = new SparseMap<RequestId, Write>()
  #queue: Write[] = []
  readonly #batches = new SparseMap<number, Batch>()
  readonly #rounds = new SparseMap<number, Round>()
  readonly #deadlines = new Deadlines()
  #underWay = 0
  #lastId = 0
  #rotation = 0
  #settled: Settled[] = []

  constructor(config: Config, peers: () => readonly MemberId[]) {
    this.#config = config
    this.#peers = peers
  }

  get pending(): number {
    return this.#writes.size
  }

  takeSettled(): Settled[] {
    const settled = this.#settled
    if (settled.length > 0) this.#settled = []
    return settled
  }

  /** `isDurableHere`: else `onDurableHere` says when it is, and until then ours is no copy. */
  gatherCopies(proposal: Proposal, now: Millis, isDurableHere = true): void {
    const wanted = copiesWanted(proposal.copies, this.#peers().length)
    const { request } = proposal
    if (wanted <= 1 && isDurableHere) {
      this.#settled.push({ request, outcome: 'written', copies: 1 })
      return
    }
    const write = {
      ...proposal,
      wanted,
      asked: new Set<MemberId>(),
      holders: new Set<MemberId>(),
      isDurableHere,
      isSettled: false,
    }
    this.#writes.set(request, write)
    if (wanted > 1) this.#queue.push(write)
    this.#deadlines.set(`write/${request}`, now + this.#config.writeTimeoutMs)
  }

  onDurableHere(request: RequestId): void {
    const write = this.#writes.get(request)
    if (write === undefined) return
    write.isDurableHere = true
    if (copiesOf(write) >= write.wanted) this.#settle(write)
  }

  fail(proposal: Proposal): void {
    this.#settled.push({ request: proposal.request, outcome: 'storage-failed', copies: 0 })
  }

  onReplicated(from: MemberId, id: number): void {
    const batch = this.#batches.get(id)
    if (batch?.peer !== from) return
    this.#batches.delete(id)
    this.#deadlines.clear(`late/${id}`)
    for (const write of batch.writes) {
      write.holders.add(from)
      if (copiesOf(write) >= write.wanted) this.#settle(write)
    }
    batch.round.unanswered -= 1
    if (batch.round.unanswered === 0) this.#end(batch.round)
  }

  /** Those who are gone need not be waited for. */
  onMembersChanged(): void {
    if (this.#batches.size === 0) return
    const peers = new Set(this.#peers())
    for (const batch of this.#batches.values()) if (!peers.has(batch.peer)) this.#end(batch.round)
  }

  deadline(): Millis | undefined {
    return this.#deadlines.next()
  }

  onDeadlines(now: Millis): void {
    for (const key of this.#deadlines.due(now)) {
      const [kind, number] = key.split('/')
      if (kind === 'write') this.#giveUp(Number(number))
      else if (kind === 'late') this.#batches.delete(Number(number))
      else this.#end(this.#rounds.get(Number(number)))
    }
  }

  /** Sends what has gathered, unless enough is under way. */
  send(now: Millis, out: EffectSink): void {
    if (this.#queue.length === 0) return
    const peers = this.#peers()
    while (peers.length > 0 && this.#underWay < limits.replicateBatches) {
      const writes = this.#takeRound(peers.length)
      if (writes.length === 0) return
      this.#sendRound(writes, peers, now, out)
    }
  }

  /** Writes that every peer holds already wait for another peer, or for their time to be over. */
  #takeRound(peers: number): Write[] {
    const open = this.#queue.filter((write) => !write.isSettled)
    const eligible = open.filter((write) => write.holders.size < peers)
    const round = new Set(eligible.slice(0, roundLength(eligible)))
    this.#queue = open.filter((write) => !round.has(write))
    return [...round]
  }

  #sendRound(writes: Write[], peers: readonly MemberId[], now: Millis, out: EffectSink): void {
    const byPeer = assign(writes, peers, this.#rotation)
    const round = { id: ++this.#lastId, writes, unanswered: byPeer.size, isOver: false }
    this.#rounds.set(round.id, round)
    this.#rotation += byPeer.size
    this.#underWay += 1
    this.#deadlines.set(`round/${round.id}`, now + this.#config.writeRetryMs)
    for (const peer of peers) {
      const share = byPeer.get(peer)
      if (share === undefined) continue
      const id = ++this.#lastId
      this.#batches.set(id, { peer, writes: share, round })
      this.#deadlines.set(`late/${id}`, now + 2 * this.#config.writeTimeoutMs)
      const records = share.flatMap((write) => write.records)
      out.push({ type: 'send', to: peer, message: { type: 'replicate', id, records } })
    }
  }

  /** Answered, or waited for long enough: what still lacks copies goes into another round. */
  #end(round: Round | undefined): void {
    if (round === undefined || round.isOver) return
    round.isOver = true
    this.#underWay -= 1
    this.#rounds.delete(round.id)
    this.#deadlines.clear(`round/${round.id}`)
    this.#queue.push(...round.writes.filter((write) => !write.isSettled))
  }

  #giveUp(request: RequestId): void {
    const write = this.#writes.get(request)
    if (write !== undefined) this.#settle(write)
  }

  #settle(write: Write): void {
    if (write.isSettled) return
    write.isSettled = true
    const { request } = write
    this.#writes.delete(request)
    this.#deadlines.clear(`write/${request}`)
    const copies = copiesOf(write)
    // The default asks for a second copy where one can be had; it does not insist.
    const isEnough = copies >= (write.copies ?? 1)
    this.#settled.push({ request, outcome: isEnough ? 'written' : 'too-few-copies', copies })
  }
}

function copiesOf(write: Pick<Write, 'holders' | 'isDurableHere'>): number {
  return write.holders.size + (write.isDurableHere ? 1 : 0)
}

/** How many of the writes one message can carry; at least one. */
function roundLength(writes: readonly Write[]): number {
  let records = 0
  let bytes = 0
  for (const [i, write] of writes.entries()) {
    records += write.records.length
    for (const record of write.records) bytes += recordSize(record)
    const isFull = records > limits.recordsPerMessage || bytes > limits.syncBytes
    if (isFull && i > 0) return i
  }
  return writes.length
}

/** Each write to as many members as it lacks copies: first to those that were not asked yet. */
function assign(
  writes: readonly Write[],
  peers: readonly MemberId[],
  rotation: number,
): Map<MemberId, Write[]> {
  const start = rotation % peers.length
  const order = [...peers.slice(start), ...peers.slice(0, start)]
  const byPeer = new Map<MemberId, Write[]>()
  for (const write of writes)
    for (const peer of chooseHolders(write, order)) {
      write.asked.add(peer)
      const share = byPeer.get(peer)
      if (share === undefined) byPeer.set(peer, [write])
      else share.push(write)
    }
  return byPeer
}

function chooseHolders(
  write: { wanted: number; asked: ReadonlySet<MemberId>; holders: ReadonlySet<MemberId> },
  order: readonly MemberId[],
): MemberId[] {
  const lacking = write.wanted - 1 - write.holders.size
  const fresh = order.filter((peer) => !write.asked.has(peer))
  const silent = order.filter((peer) => write.asked.has(peer) && !write.holders.has(peer))
  return [...fresh, ...silent].slice(0, lacking)
}
