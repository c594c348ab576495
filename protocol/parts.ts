/**
 * The modules of one member, made and tied to each other: what each needs of its siblings it gets as a function, so
 * that none imports another. Nothing is decided here.
 */
import type { BigMaps } from './base/big-map.ts'
import type { EffectId, MemberId, Millis } from './base/id.ts'
import { Random } from './base/random.ts'
import type { Seal } from './base/seal.ts'
import { Broadcaster } from './broadcaster.ts'
import type { Config } from './config.ts'
import type { Core } from './core.ts'
import type { DeathBoard } from './death-board.ts'
import type { StoreWrite } from './effect.ts'
import { Epoch } from './epoch.ts'
import { Leaving } from './leaving.ts'
import { firstIncarnation, journaledMembers } from './member-journal.ts'
import { isPresent } from './membership/member.ts'
import { Membership } from './membership/membership.ts'
import type { MembershipHooks, MembershipOptions } from './membership/surroundings.ts'
import type { NodeBody } from './placement/node-body.ts'
import { Placement } from './placement/placement.ts'
import type { World } from './placement/world.ts'
import { Replica } from './replication/replica.ts'
import { Requests } from './requests.ts'

export interface CoreInit {
  readonly config: Config
  readonly self: MemberId
  readonly seed: number
  readonly seal: Seal
  /** What was persisted in earlier lives; empty in the first. */
  readonly journal: Iterable<StoreWrite>
  readonly node: NodeBody
  /** What others do is told as well; left out, only what this member does itself. */
  readonly news?: 'all'
  /** Maps and rings that thousands of simulated members share; left out, this member has its own. */
  readonly maps?: BigMaps
  readonly membership?: Pick<MembershipOptions, 'presence' | 'pulse'>
  /** Where thousands of simulated members look deaths up. */
  readonly deathBoard?: DeathBoard | undefined
  /** Every step goes the ordinary way, also a calm member's: to show that it makes no difference. */
  readonly isPlain?: boolean
  /** Begins with all that this other one knows, as if the journal had told it: a simulator's warm start. */
  readonly like?: Core
}

export interface PartsHooks extends MembershipHooks {
  now(): Millis
  nextEffectId(): EffectId
}

export interface Parts {
  readonly epoch: Epoch
  readonly membership: Membership
  readonly replica: Replica
  readonly placement: Placement
  readonly requests: Requests
  readonly broadcaster: Broadcaster
  readonly leaving: Leaving
}

export function createParts(init: CoreInit, hooks: PartsHooks): Parts {
  const journal = [...init.journal]
  const random = new Random(init.seed)
  const { self, seal } = init
  const epoch = new Epoch(journal)
  const membership = createMembership(init, { epoch, random, hooks, journal })
  const replica = createReplica(init, { epoch, random, hooks, journal, membership })
  const placement = createPlacement(init, { random, hooks, membership, replica })
  const requests = new Requests({
    replica,
    placement,
    isMember: (member) => membership.stateOf(member) !== undefined,
  })
  const broadcaster = new Broadcaster({ self, epoch: epoch.value, seal })
  const leaving = new Leaving({ host: placement.host, membership })
  return { epoch, membership, replica, placement, requests, broadcaster, leaving }
}

interface Made {
  readonly epoch: Epoch
  readonly random: Random
  readonly hooks: PartsHooks
  readonly journal: readonly StoreWrite[]
  readonly membership: Membership
  readonly replica: Replica
}

function createMembership(
  { config, self, maps, membership: options }: CoreInit,
  { epoch, random, hooks, journal }: Pick<Made, 'epoch' | 'random' | 'hooks' | 'journal'>,
): Membership {
  const membership = new Membership({
    config,
    self,
    incarnation: firstIncarnation(journal, { self, epoch: epoch.value }),
    random: new Random(random.uint32()),
    hooks,
    ...(maps && { maps }),
    ...options,
  })
  membership.seed(journaledMembers(journal, self))
  return membership
}

function createReplica(
  { config, self, seal, maps }: CoreInit,
  { epoch, random, hooks, journal, membership }: Omit<Made, 'replica'>,
): Replica {
  const isHere = (member: MemberId) => isPresent(membership.stateOf(member) ?? 'left')
  return new Replica({
    config,
    self,
    epoch: epoch.value,
    seal,
    random: new Random(random.uint32()),
    hooks: {
      nextEffectId: () => hooks.nextEffectId(),
      peers: () => membership.links.list().filter((member) => member !== self && isHere(member)),
      presentCount: () => membership.census.presentCount,
      isPresent: isHere,
    },
    maps,
    journal,
  })
}

function createPlacement(
  { config, self, node, news, maps }: CoreInit,
  { random, hooks, membership, replica }: Omit<Made, 'epoch' | 'journal'>,
): Placement {
  const world: World = {
    self,
    present: () => membership.census.present(),
    presentCount: () => membership.census.presentCount,
    takeMoves: () => membership.census.takeMoves(),
    stateOf: (member) => membership.stateOf(member),
    incarnationOf: (member) => membership.incarnationOf(member),
    read: (key) => replica.get(key),
    versions: (key) => replica.versions(key),
    keys: (prefix) => replica.keys(prefix),
    write: (key, body, isOnTheWay) => replica.writeOwn(key, body, hooks.now(), isOnTheWay),
    nextEffectId: () => hooks.nextEffectId(),
    stamp: (now) => replica.stamp(now),
    canPersist: () => !replica.storageFailed,
  }
  const recordOf = (key: string) => replica.get(key)
  return new Placement({ config, news, maps, random, node, recordOf, world })
}
