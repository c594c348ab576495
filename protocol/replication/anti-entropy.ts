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
import type { Config } from '../config.ts'
import type { EffectSink } from '../effect.ts'
import { limits } from '../limits.ts'
import { answerTo } from './answer.ts'
import { describeEntries } from './comparison.ts'
import type { DeltaLog } from './delta-log.ts'
import { packNames, unpackNames } from './hash-list.ts'
import type { SyncAnswer, SyncAsk, SyncRoot } from './message.ts'
import type { ReplicaRecord } from './record.ts'
import type { RecordMap } from './record-map.ts'
import { Session } from './session.ts'

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
}

export interface AntiEntropyInit {
  readonly config: Config
  readonly self: MemberId
  readonly random: Random
  readonly map: RecordMap
  readonly log: DeltaLog
  readonly peers: () => readonly MemberId[]
  readonly present: () => readonly MemberId[]
  readonly isPresent: (member: MemberId) => boolean
  /** Joins what arrived; answers with those that were new. */
  readonly join: (
    from: MemberId,
    records: readonly ReplicaRecord[],
    now: Millis,
  ) => readonly ReplicaRecord[]
}

export class AntiEntropy {
  readonly #init: AntiEntropyInit
  readonly #map: RecordMap
  readonly #config: Config
  readonly #peers = new Map<MemberId, Peer>()
  readonly #sessions = new Map<MemberId, Session>()
  readonly #deadlines = new Deadlines()
  #quietUntil: Millis = 0
  #lastId = 0

  constructor(init: AntiEntropyInit) {
    this.#init = init
    this.#map = init.map
    this.#config = init.config
  }

  onPeerRoot(from: MemberId, root: string, now: Millis): void {
    const peer = this.#peerFor(from)
    peer.root = root
    if (root === this.#map.tree.root()) this.#agree(from, peer, now)
    else if (peer.differsSince === undefined) {
      peer.differsSince = now
      this.#schedule(from, now + this.#patience(from))
    }
  }

  onLinkOpened(member: MemberId, out: EffectSink): void {
    if (this.#leads(member)) this.#sendRoot(member, false, out)
  }

  onMembersChanged(): void {
    for (const member of this.#peers.keys()) {
      if (this.#init.isPresent(member)) continue
      this.#peers.delete(member)
      this.#endSession(member)
      this.#deadlines.clear(`start/${member}`)
    }
  }

  onRoot(from: MemberId, message: SyncRoot, now: Millis, out: EffectSink): void {
    this.onPeerRoot(from, nameOf(message.root), now)
    if (!message.answer) this.#sendRoot(from, true, out)
    else if (this.#peerFor(from).differsSince !== undefined) this.#start(from, now, out)
  }

  onAsk(from: MemberId, ask: SyncAsk, now: Millis, out: EffectSink): void {
    const isBusy = this.#isBusyFor(from, now)
    this.#init.join(from, ask.records ?? [], now)
    const peer = this.#peerFor(from)
    const root = packNames([this.#map.tree.root()])
    if (isBusy) {
      const message: SyncAnswer = { type: 'sync-answer', id: ask.id, root, busy: true }
      out.push({ type: 'send', to: from, message })
      return
    }
    peer.askedAt = now
    this.#endSession(from)
    this.onPeerRoot(from, nameOf(ask.root), now)
    const learned = this.#learnedSinceAgreement(peer)
    out.push({ type: 'send', to: from, message: answerTo(this.#map, ask, root, learned) })
  }

  onAnswer(from: MemberId, answer: SyncAnswer, now: Millis, out: EffectSink): void {
    const session = this.#sessions.get(from)
    const joined = this.#init.join(from, answer.records ?? [], now)
    if (session?.ask?.id !== answer.id) return
    this.#noteUse(session, joined, now)
    this.#peerFor(from).root = nameOf(answer.root)
    if (answer.busy === true) return this.#putOff(from, now + this.#config.antiEntropySettleMs)
    session.take(answer)
    if (this.#isEqualTo(from)) this.#finish(from, session, now)
    else this.#ask(from, session, now, out)
  }

  /** The earliest time at which a present member was last seen with our root; -Infinity if one never was. */
  agreedByAllAt(): Millis {
    let agreedAt = Number.POSITIVE_INFINITY
    for (const member of this.#init.present())
      if (member !== this.#init.self)
        agreedAt = Math.min(agreedAt, this.#peers.get(member)?.agreedAt ?? -Infinity)
    return agreedAt
  }

  deadline(): Millis | undefined {
    return this.#deadlines.next()
  }

  onDeadlines(now: Millis, out: EffectSink): void {
    for (let key = this.#deadlines.takeDue(now); key; key = this.#deadlines.takeDue(now)) {
      const member = key.slice(key.indexOf('/') + 1)
      if (key.startsWith('start/')) this.#startIfDue(member, now, out)
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
    const session = new Session(this.#map, keys && describeEntries(this.#map, keys))
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

  #sendRoot(to: MemberId, answer: boolean, out: EffectSink): void {
    const root = packNames([this.#map.tree.root()])
    out.push({ type: 'send', to, message: { type: 'sync-root', root, answer } })
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
      }
      this.#peers.set(member, peer)
    }
    return peer
  }
}

function nameOf(root: Uint8Array): string {
  return unpackNames(root)[0] ?? ''
}
