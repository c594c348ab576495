/** Members in memory that talk over `Network`, and the log of what they say and come to believe. */
import type { MemberId } from '../../../protocol/base/id.ts'
import { Random } from '../../../protocol/base/random.ts'
import { type Config, defaultConfig } from '../../../protocol/config.ts'
import type { Effect } from '../../../protocol/effect.ts'
import type { MemberState } from '../../../protocol/membership/member.ts'
import { Membership } from '../../../protocol/membership/membership.ts'
import type { MembershipMessage } from '../../../protocol/membership/message.ts'
import { latencyMs, Network } from './network.ts'

/** Said all the time, or with every new link: not worth a line. */
const routine = new Set(['probe', 'ack', 'join', 'member-table'])
const emptyExchange = { root: '', clock: 0, availability: [] }
const joinRetryMs = 500

interface Agent {
  membership: Membership
  kept: readonly MemberId[]
}

export class Cluster {
  readonly config: Config
  readonly #seed: number
  readonly #agents = new Map<MemberId, Agent>()
  readonly network: Network
  readonly #startedAt: number
  #log: string[] = []
  sent = 0

  constructor({ seed = 1, config = defaultConfig } = {}) {
    this.#seed = seed
    this.config = config
    this.network = new Network({
      linkOpened: (at, other) =>
        this.#step(at, ({ membership }, now, out) => membership.onLinkOpened(other, now, out)),
      linkClosed: (at, other) =>
        this.#step(at, ({ membership }, now, out) => membership.onLinkClosed(other, now, out)),
      wants: (at, other) => this.network.isRunning(at) && this.#agent(at).kept.includes(other),
    })
    this.#startedAt = this.network.now
  }

  get members(): MemberId[] {
    return [...this.#agents.keys()].sort()
  }

  running(): MemberId[] {
    return this.members.filter((member) => this.network.isRunning(member))
  }

  /** A new life; it finds the others at `join`, as long as it has no link. */
  start(member: MemberId, { join = [] as MemberId[], incarnation = 1 } = {}): void {
    const seed = this.#seed * 1000 + member.charCodeAt(member.length - 1)
    const membership = new Membership({
      config: this.config,
      self: member,
      incarnation,
      random: new Random(seed),
      hooks: { exchangeFor: () => emptyExchange, onExchange: () => {} },
    })
    this.#agents.set(member, { membership, kept: [] })
    this.network.start(member)
    this.#step(member, (agent, now, out) => agent.membership.start(now, out))
    this.#tryToJoin(member, membership, join)
  }

  leave(member: MemberId): void {
    this.#step(member, ({ membership }, now, out) => membership.leave(now, out))
  }

  delayLoop(member: MemberId, delayMs: number): void {
    this.#agent(member).membership.onLoopDelayed(delayMs)
  }

  advance(ms: number): void {
    const until = this.network.now + ms
    for (;;) {
      const due = this.#nextDue()
      if (due !== undefined && due.at <= until && due.at <= this.network.nextAt()) {
        this.network.now = Math.max(this.network.now, due.at)
        this.#step(due.member, ({ membership }, now, out) => membership.onDeadlines(now, out))
      } else if (!this.network.runNext(until)) break
    }
    this.network.now = until
  }

  stateAt(member: MemberId, about: MemberId): MemberState | undefined {
    return this.#agent(member).membership.stateOf(about)
  }

  view(member: MemberId): string {
    const { membership } = this.#agent(member)
    return membership.census
      .known()
      .map((id) => `${id} ${membership.stateOf(id)}/${membership.incarnationOf(id)}`)
      .join(', ')
  }

  membership(member: MemberId): Membership {
    return this.#agent(member).membership
  }

  takeLog(): string[] {
    const log = this.#log
    this.#log = []
    return log
  }

  #agent(member: MemberId): Agent {
    const agent = this.#agents.get(member)
    if (agent === undefined) throw new Error(`there is no ${member}`)
    return agent
  }

  #nextDue(): { member: MemberId; at: number } | undefined {
    let first: { member: MemberId; at: number } | undefined
    for (const member of this.running()) {
      const at = this.#agent(member).membership.deadline()
      if (at !== undefined && (first === undefined || at < first.at)) first = { member, at }
    }
    return first
  }

  #tryToJoin(member: MemberId, life: Membership, join: readonly MemberId[]): void {
    if (!this.network.isRunning(member) || this.#agent(member).membership !== life) return
    if (this.network.linkedTo(member).length === 0)
      for (const address of join) this.network.dial(member, address)
    this.network.after(joinRetryMs, () => this.#tryToJoin(member, life, join))
  }

  #step(member: MemberId, act: (agent: Agent, now: number, out: Effect[]) => void): void {
    if (!this.network.isRunning(member)) return
    const agent = this.#agent(member)
    const out: Effect[] = []
    act(agent, this.network.now, out)
    this.#logChanges(member, agent)
    for (const effect of out) this.#perform(member, agent, effect)
    this.#gossip(member, agent)
  }

  #perform(from: MemberId, agent: Agent, effect: Effect): void {
    if (effect.type === 'keep-links') {
      agent.kept = effect.members
      for (const other of effect.members) this.network.dial(from, other)
    } else if (effect.type === 'send') {
      const { to } = effect
      // What goes over the wire is shared with nobody.
      const message = structuredClone(effect.message) as MembershipMessage
      this.sent += 1
      if (!routine.has(message.type)) this.#print(`${from} → ${to}: ${describe(message)}`)
      this.network.send(from, to, () =>
        this.#step(to, ({ membership }, now, out) => membership.onMessage(from, message, now, out)),
      )
    }
  }

  #gossip(from: MemberId, { membership }: Agent): void {
    const updates = membership.takeUrgent()
    if (updates.length === 0) return
    this.#print(`${from} → all: ${updates.map(describeUpdate).join(', ')}`)
    for (const to of this.network.reachableFrom(from))
      this.network.after(2 * latencyMs, () =>
        this.#step(to, (agent, now, out) => agent.membership.applyUpdates(updates, now, out)),
      )
  }

  #logChanges(member: MemberId, { membership }: Agent): void {
    for (const { update, previous } of membership.census.takeChanges())
      this.#print(`${member} sees ${describeUpdate(update)}${previous ? `, was ${previous}` : ''}`)
  }

  #print(line: string): void {
    const at = this.network.now - this.#startedAt
    this.#log.push(`${String(at).padStart(6)} ${line}`)
  }
}

function describe(message: MembershipMessage): string {
  switch (message.type) {
    case 'probe-report':
      return `${message.reached ? 'reached' : 'did not reach'} ${message.subject}`
    case 'probe-request':
      return `probe ${message.subject}`
    case 'suspect':
      return `suspects ${message.subject}/${message.incarnation}`
    case 'claim':
      return `claims ${message.updates.map(describeUpdate).join(', ')}`
    default:
      return message.type
  }
}

function describeUpdate(update: { member: string; state: string; incarnation: number }): string {
  return `${update.member} ${update.state}/${update.incarnation}`
}
