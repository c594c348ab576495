/**
 * Repair: gossip is a hint, state is the truth. Neighbours hear each other's root hash on every exchange of
 * the ring. A root that differs for longer than deltas need to arrive starts a comparison (session.ts):
 * first what either learned since they last agreed, then the Merkle tree. (Demers et al., PODC 1987, section 1.3;
 * the tree is Dynamo's, SOSP 2007, section 4.7.)
 *
 * Of two neighbours the smaller id starts and the other gives it time, so they rarely both do. A member leads
 * few comparisons at a time and answers few, so a newcomer is not sent the same records by everyone. While writes
 * go on all the time roots hardly ever match; a comparison that found only what gossip was about to bring
 * anyway holds off all others for an interval.
 */

import { Deadlines } from '../base/deadline.ts'
import { compareText, type MemberId, type Millis, millisOf } from '../base/id.ts'
import type { Random } from '../base/random.ts'
import { SparseMap } from '../base/sparse.ts'
import type { Config } from '../config.ts'
import type { EffectSink } from '../effect.ts'
import { limits } from '../limits.ts'
import { answerTo } from './answer.ts'
import { describeEntries } from './comparison.ts'
import type { DeltaLog } from './delta-log.ts'
import { packNames, unpackNames } from './hash-list.ts'
import type { History } from './history.ts'
import type { Intake } from './intake.ts'
import { type Lived, nameOf as nameOfLived } from './lived.ts'
import type { SyncAnswer, SyncAsk, SyncRoot } from './message.ts'
import type { ReplicaRecord } from './record.ts'
import type { RecordMap } from './record-map.ts'
import { Session } from './session.ts'

const retell = 'retell'
/** A neighbour's root is heard every few seconds. */
const neighbourIntervals = 6
/** Asked so often in all before the other is given up. */
const attemptsMax = 3

interface Peer {
  root: string
  /** Since when it has been heard to differ. */
  differsSince: Millis | undefined
  /** When its root was last heard to equal ours, and the position of the log at that time. */
  agreedAt: Millis | undefined
  agreedPosition: number
  quietUntil: Millis
  /** When it last asked us. */
  askedAt: Millis | undefined
  heardAt: Millis | undefined
  /** What it has told of its history. */
  lived: Lived | undefined
}

export interface AntiEntropyInit {
  readonly config: Config
  readonly self: MemberId
  readonly random: Random
  readonly map: RecordMap
  readonly log: DeltaLog
  readonly peers: () => readonly MemberId[]
  readonly presentCount: () => number
  readonly isPresent: (member: MemberId) => boolean
  readonly history: History
  readonly intake: Intake
}

export class AntiEntropy {
  readonly #init: AntiEntropyInit
  readonly #map: RecordMap
  readonly #config: Config
  readonly #peers = new Map<MemberId, Peer>()
  readonly #sessions = new SparseMap<MemberId, Session>()
  readonly #deadlines = new Deadlines()
  #quietUntil: Millis = 0
  #lastId = 0

  constructor(init: AntiEntropyInit) {
    this.#init = init
    this.#map = init.map
    this.#config = init.config
  }

  /** On the ring exchange. */
  onPeerRoot(from: MemberId, root: string, now: Millis): void {
    const peer = this.#peerFor(from)
    peer.root = root
    peer.heardAt = now
    if (root === this.#map.tree.root()) this.#agree(from, peer, now)
    else if (peer.differsSince === undefined) {
      peer.differsSince = now
      this.#schedule(from, now + this.#patience(from))
    }
  }

  onLinkOpened(member: MemberId, now: Millis, out: EffectSink): void {
    if (this.#leads(member)) this.#sendRoot(member, false, now, out)
  }

  onMembersChanged(members: readonly MemberId[]): void {
    for (const member of members) {
      if (!this.#peers.has(member) || this.#init.isPresent(member)) continue
      this.#peers.delete(member)
      this.#endSession(member)
      this.#deadlines.clear(`start/${member}`)
    }
  }

  onRoot(from: MemberId, message: SyncRoot, now: Millis, out: EffectSink): void {
    this.#hear(from, message.lived, now)
    this.onPeerRoot(from, nameOf(message.root), now)
    if (message.retold) return
    if (!message.answer) this.#sendRoot(from, true, now, out)
    else if (this.#peerFor(from).differsSince !== undefined) this.#start(from, now, out)
  }

  onAsk(from: MemberId, ask: SyncAsk, now: Millis, out: EffectSink): void {
    const isBusy = this.#isBusyFor(from, now)
    this.#hear(from, ask.lived, now)
    const { refuted } = this.#init.intake.take(from, ask.records ?? [], now)
    const peer = this.#peerFor(from)
    const root = packNames([this.#map.tree.root()])
    const told = ask.lived === undefined ? {} : this.#told(now)
    if (isBusy) {
      const busy = { type: 'sync-answer', id: ask.id, root, busy: true } as const
      out.push({ type: 'send', to: from, message: { ...busy, ...told } })
      return
    }
    peer.askedAt = now
    this.#endSession(from)
    this.onPeerRoot(from, nameOf(ask.root), now)
    const learned = this.#learnedSinceAgreement(peer)
    const answer = answerTo(this.#map, ask, root, learned)
    out.push({ type: 'send', to: from, message: { ...withMore(answer, refuted), ...told } })
  }

  onAnswer(from: MemberId, answer: SyncAnswer, now: Millis, out: EffectSink): void {
    const session = this.#sessions.get(from)
    this.#hear(from, answer.lived, now)
    const { joined, refuted } = this.#init.intake.take(from, answer.records ?? [], now)
    if (session?.ask?.id !== answer.id) return
    session.refute(refuted)
    this.#noteUse(session, joined, now)
    this.#peerFor(from).root = nameOf(answer.root)
    if (answer.busy === true) return this.#putOff(from, now + this.#config.antiEntropySettleMs)
    session.take(answer)
    if (this.#isEqualTo(from)) this.#finish(from, session, now)
    else this.#ask(from, session, now, out)
  }

  /**
   * The earliest time at which a neighbour was last seen with our root: those with whom we have lately exchanged
   * roots. -Infinity if one never was; also when others are present and none of them is a neighbour.
   */
  agreedByNeighboursAt(now: Millis): Millis {
    const lately = now - neighbourIntervals * this.#config.antiEntropyIntervalMs
    const neighbours = [...this.#peers.values()].filter(
      ({ heardAt = -Infinity }) => heardAt > lately,
    )
    if (neighbours.length === 0 && this.#init.presentCount() > 1) return -Infinity
    return neighbours.reduce((first, peer) => Math.min(first, peer.agreedAt ?? -Infinity), Infinity)
  }

  /** Up to when writes that the member hands over may be of what is deleted and forgotten here. */
  suspectBefore(from: MemberId, now: Millis): Millis | undefined {
    const lived = this.#peers.get(from)?.lived
    const { history } = this.#init
    const isSuspect = lived !== undefined && history.isBehind(from, lived, now)
    return isSuspect ? history.suspectBefore(now) : undefined
  }

  /** No comparison is under way or awaited. */
  get isAtRest(): boolean {
    return this.#sessions.size === 0 && this.#deadlines.next() === undefined
  }

  agreesWith(member: MemberId): boolean {
    return this.#isEqualTo(member)
  }

  /** The member held the same as we did at that time, when the log was at that position. It may have been heard since. */
  noteAgreed(
    member: MemberId,
    at: Millis,
    { root, position }: { readonly root: string; readonly position: number },
  ): void {
    const peer = this.#peers.get(member)
    if (peer === undefined || (peer.agreedAt ?? at) > at) return
    peer.agreedAt = at
    peer.agreedPosition = position
    if ((peer.heardAt ?? at) > at) return
    peer.root = root
    peer.heardAt = at
  }

  deadline(): Millis | undefined {
    return this.#deadlines.next()
  }

  onDeadlines(now: Millis, out: EffectSink): void {
    for (const key of this.#deadlines.due(now)) {
      const member = key.slice(key.indexOf('/') + 1)
      if (key === retell) this.#retell(now, out)
      else if (key.startsWith('start/')) this.#startIfDue(member, now, out)
      else this.#askAgain(member, now, out)
    }
  }

  #leads(member: MemberId): boolean {
    return compareText(this.#init.self, member) < 0
  }

  /** How long a root may differ; the one who does not lead waits for as long again. */
  #patience(member: MemberId): Millis {
    const settleMs = this.#config.antiEntropySettleMs
    const spread = this.#init.random.below(Math.floor(settleMs / 2) + 1)
    return (this.#leads(member) ? settleMs : 2 * settleMs) + spread
  }

  #schedule(member: MemberId, at: Millis): void {
    const quietUntil = Math.max(this.#quietUntil, this.#peerFor(member).quietUntil)
    this.#deadlines.set(`start/${member}`, Math.max(at, quietUntil))
  }

  #startIfDue(member: MemberId, now: Millis, out: EffectSink): void {
    const peer = this.#peerFor(member)
    const quietUntil = Math.max(this.#quietUntil, peer.quietUntil)
    if (!this.#init.peers().includes(member)) peer.differsSince = undefined
    else if (this.#isEqualTo(member)) this.#agree(member, peer, now)
    else if (now < quietUntil) this.#schedule(member, quietUntil)
    else this.#start(member, now, out)
  }

  #start(member: MemberId, now: Millis, out: EffectSink): void {
    if (this.#sessions.has(member)) return
    const isAsking = this.#isServed(this.#peerFor(member), now)
    if (isAsking || this.#sessions.size >= limits.syncSessions)
      return this.#schedule(member, now + this.#config.antiEntropySettleMs)
    const keys = this.#learnedSinceAgreement(this.#peerFor(member))
    const session = new Session(
      this.#map,
      keys && describeEntries(this.#map, keys),
      this.#told(now),
    )
    this.#sessions.set(member, session)
    this.#deadlines.clear(`start/${member}`)
    this.#ask(member, session, now, out)
  }

  #ask(member: MemberId, session: Session, now: Millis, out: EffectSink): void {
    const ask = session.next(++this.#lastId)
    if (ask === undefined) return this.#finish(member, session, now)
    this.#noteUse(session, ask.records ?? [], now)
    this.#send(member, ask, now, out)
  }

  #send(to: MemberId, ask: SyncAsk, now: Millis, out: EffectSink): void {
    out.push({ type: 'send', to, message: ask })
    this.#deadlines.set(`ask/${to}`, now + this.#config.antiEntropyTimeoutMs)
  }

  #askAgain(member: MemberId, now: Millis, out: EffectSink): void {
    const session = this.#sessions.get(member)
    if (session?.ask === undefined) return
    session.attempts += 1
    if (session.attempts < attemptsMax) this.#send(member, session.ask, now, out)
    else this.#putOff(member, now + this.#config.antiEntropySettleMs)
  }

  #finish(member: MemberId, session: Session, now: Millis): void {
    const isEqual = this.#isEqualTo(member)
    if (!isEqual && !session.isUseful) this.#quietUntil = now + this.#config.antiEntropyIntervalMs
    this.#putOff(member, isEqual ? now : now + this.#config.antiEntropyIntervalMs)
    if (isEqual) this.#agree(member, this.#peerFor(member), now)
  }

  /** Until then this peer is left alone; its next root starts the patience anew. */
  #putOff(member: MemberId, until: Millis): void {
    const peer = this.#peerFor(member)
    this.#endSession(member)
    peer.differsSince = undefined
    peer.quietUntil = until
  }

  #endSession(member: MemberId): void {
    this.#sessions.delete(member)
    this.#deadlines.clear(`ask/${member}`)
  }

  #agree(member: MemberId, peer: Peer, now: Millis): void {
    peer.agreedAt = now
    peer.agreedPosition = this.#init.log.position
    peer.differsSince = undefined
    this.#deadlines.clear(`start/${member}`)
  }

  #isEqualTo(member: MemberId): boolean {
    return this.#peers.get(member)?.root === this.#map.tree.root()
  }

  #learnedSinceAgreement(peer: Peer): string[] | undefined {
    return peer.agreedAt === undefined ? undefined : this.#init.log.since(peer.agreedPosition)
  }

  /** Two that ask each other at once: the question of the smaller id stands. */
  #isBusyFor(member: MemberId, now: Millis): boolean {
    if (this.#sessions.has(member) && this.#leads(member)) return true
    if (this.#isServed(this.#peerFor(member), now)) return false
    let served = 0
    for (const peer of this.#peers.values()) if (this.#isServed(peer, now)) served += 1
    return served >= limits.syncSessions
  }

  #isServed(peer: Peer, now: Millis): boolean {
    return peer.askedAt !== undefined && now - peer.askedAt < this.#config.antiEntropyTimeoutMs
  }

  #noteUse(session: Session, moved: readonly ReplicaRecord[], now: Millis): void {
    const settled = now - this.#config.antiEntropySettleMs
    if (moved.some((record) => millisOf(record.stamp) < settled)) session.isUseful = true
  }

  #sendRoot(
    to: MemberId,
    answer: boolean,
    now: Millis,
    out: EffectSink,
    more: Pick<SyncRoot, 'retold'> = {},
  ): void {
    const root = packNames([this.#map.tree.root()])
    const message = { type: 'sync-root', root, answer, ...this.#told(now), ...more } as const
    out.push({ type: 'send', to, message })
  }

  #told(now: Millis): { readonly lived?: Lived } {
    const lived = this.#init.history.lived(now)
    return lived === undefined ? {} : { lived }
  }

  /** Whoever has missed too much gives up the past before it hands over or takes a record. */
  #hear(from: MemberId, lived: Lived | undefined, now: Millis): void {
    if (lived === undefined) return
    const { history, intake } = this.#init
    this.#peerFor(from).lived = lived
    const before = history.lived(now)
    if (history.meet(from, lived, now)) intake.giveUp(history.suspectBefore(now), now)
    if (before !== undefined && nameOfLived(history.lived(now)!) !== nameOfLived(before))
      this.#deadlines.setEarliest(retell, now + this.#config.antiEntropySettleMs)
  }

  /** Our history is another one now; when a cluster forms that happens several times at once. */
  #retell(now: Millis, out: EffectSink): void {
    const own = this.#init.history.lived(now)
    for (const member of this.#init.peers()) {
      const theirs = this.#peers.get(member)?.lived
      const isSame = own && theirs && nameOfLived(own) === nameOfLived(theirs)
      if (!isSame) this.#sendRoot(member, true, now, out, { retold: true })
    }
  }

  #peerFor(member: MemberId): Peer {
    let peer = this.#peers.get(member)
    if (peer === undefined) {
      peer = {
        root: '',
        differsSince: undefined,
        agreedAt: undefined,
        agreedPosition: 0,
        quietUntil: 0,
        askedAt: undefined,
        heardAt: undefined,
        lived: undefined,
      }
      this.#peers.set(member, peer)
    }
    return peer
  }
}

function withMore(answer: SyncAnswer, records: readonly ReplicaRecord[]): SyncAnswer {
  if (records.length === 0) return answer
  return {
    ...answer,
    records: [...(answer.records ?? []), ...records].slice(0, limits.recordsPerMessage),
  }
}

function nameOf(root: Uint8Array): string {
  return unpackNames(root)[0] ?? ''
}
