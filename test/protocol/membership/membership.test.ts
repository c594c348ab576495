/** What holds of a whole cluster, whatever happens to it; the conversations show how. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MemberId } from '../../../protocol/base/id.ts'
import type { Effect } from '../../../protocol/effect.ts'
import { limits } from '../../../protocol/limits.ts'
import { isPresent } from '../../../protocol/membership/member.ts'
import { Cluster } from './cluster.ts'

const membership = suite('membership/membership')

function clusterOf(count: number, seed: number): Cluster {
  const cluster = new Cluster({ seed })
  for (let i = 0; i < count; i++) cluster.start(nameOf(i), { join: i === 0 ? [] : [nameOf(0)] })
  cluster.advance(5000)
  cluster.takeLog()
  return cluster
}

function nameOf(index: number): MemberId {
  return `m${String.fromCharCode(97 + index)}`
}

/** Milliseconds until all the others see the member down. */
function msUntilDown(cluster: Cluster, member: MemberId): number {
  const from = cluster.network.now
  const others = cluster.members.filter((other) => other !== member)
  while (!others.every((other) => cluster.stateAt(other, member) === 'down')) {
    assert.ok(cluster.network.now - from < 20_000, `${member} is never seen down`)
    cluster.advance(50)
  }
  return cluster.network.now - from
}

membership(
  'a killed process is down everywhere within two seconds, in a cluster of any size',
  () => {
    for (const count of [2, 3, 4, 7, 11, 12, 20, 25]) {
      const cluster = clusterOf(count, count)
      cluster.network.kill(nameOf(count - 1))
      const ms = msUntilDown(cluster, nameOf(count - 1))
      assert.ok(ms >= 1000 && ms <= 2000, `${count} members: ${ms} ms`)
    }
  },
)

membership('a silent death is known everywhere within five seconds', () => {
  for (const count of [2, 3, 4, 7, 11, 12, 20, 25])
    for (const seed of [1, 2, 3]) {
      const cluster = clusterOf(count, seed)
      cluster.advance(seed * 370)
      cluster.network.silence(nameOf(1))
      const others = cluster.members.filter((other) => other !== nameOf(1))
      cluster.advance(5000)
      for (const other of others)
        assert.is(cluster.stateAt(other, nameOf(1)), 'down', `${other} of ${count}`)
    }
})

membership('one bad link takes nobody down, whichever it is', () => {
  for (const count of [3, 4, 6])
    for (let one = 0; one < count; one++)
      for (let other = one + 1; other < count; other++) {
        const cluster = clusterOf(count, 1)
        cluster.network.cut(nameOf(one), nameOf(other))
        cluster.advance(30_000)
        const log = cluster.takeLog().join('\n')
        assert.not.match(log, / down\//, `${count} members, ${one}–${other}:\n${log}`)
      }
})

membership(
  'in a large cluster too, where observers of a member have no links to each other',
  () => {
    for (let other = 1; other < 30; other++) {
      const cluster = clusterOf(30, 1)
      cluster.network.cut(nameOf(0), nameOf(other))
      cluster.advance(15_000)
      assert.not.match(cluster.takeLog().join('\n'), / down\//, nameOf(other))
    }
  },
)

membership('halves find each other again, also when the partition outlived their links', () => {
  for (const count of [2, 3, 7, 14])
    for (const partitionMs of [3000, 15_000, 60_000]) {
      const cluster = clusterOf(count, 1)
      const half = Math.floor(count / 2)
      for (let one = 0; one < half; one++)
        for (let other = half; other < count; other++)
          cluster.network.cut(nameOf(one), nameOf(other))
      cluster.advance(partitionMs)
      cluster.network.healAll()
      cluster.advance(60_000)
      for (const at of cluster.members)
        for (const about of cluster.members)
          assert.is(cluster.stateAt(at, about), 'alive', `${at} of ${count} sees ${about}`)
    }
})

membership(
  'a quiet cluster says two messages a member and second, and compares tables now and then',
  () => {
    for (const count of [4, 20, 30]) {
      const cluster = clusterOf(count, 3)
      cluster.advance(20_000)
      const before = cluster.sent
      cluster.advance(20_000)
      const rate = (cluster.sent - before) / 20 / count
      assert.ok(rate > 1.8 && rate < 2.3, `${count} members: ${rate}`)
    }
  },
)

membership(
  'up to fullMeshMax members everyone keeps a link to everyone, then only to its neighbours',
  () => {
    assert.is(clusterOf(20, 1).membership(nameOf(3)).around.neighbours().length, 19)
    const neighbours = clusterOf(24, 1).membership(nameOf(3)).around.neighbours()
    assert.ok(neighbours.length >= 3 && neighbours.length <= 10)
  },
)

membership('keeps its links as they are while nobody comes or goes', () => {
  const cluster = clusterOf(4, 1)
  const one = cluster.membership(nameOf(0))
  const present = one.census.present()
  const out: Effect[] = []
  one.applyUpdates(
    [{ member: nameOf(1), incarnation: 1, state: 'alive' }],
    cluster.network.now,
    out,
  )
  assert.equal(out, [])
  assert.is(one.census.present(), present)
})

membership('a made-up death is outbid, and none is believed that could not be', () => {
  const { incarnation: most, incarnationLeap: leap } = limits
  for (const [incarnation, expected] of [
    [most, 1],
    [2 + leap, 1],
    [1 + leap, 2 + leap],
  ] as const) {
    const cluster = clusterOf(4, 1)
    const victim = nameOf(3)
    const lie = { member: victim, incarnation, state: 'down' } as const
    const doubt = { type: 'suspect', subject: victim, incarnation } as const
    for (const to of [nameOf(0), nameOf(1), victim]) {
      const { now } = cluster.network
      const out: Effect[] = []
      cluster.membership(to).onMessage(nameOf(2), { type: 'claim', updates: [lie] }, now, out)
      if (to === victim) cluster.membership(to).onMessage(nameOf(2), doubt, now, out)
      cluster.membership(to).applyUpdates([lie], now, out)
    }
    cluster.advance(30_000)
    for (const at of cluster.members) {
      assert.is(cluster.stateAt(at, victim), 'alive', `${incarnation}, says ${at}`)
      assert.is(cluster.membership(at).incarnationOf(victim), expected)
    }
  }
})

membership('a member that is held for down and floods is told so once a second', () => {
  const cluster = clusterOf(3, 1)
  cluster.network.kill(nameOf(2))
  cluster.advance(4000)
  const one = cluster.membership(nameOf(0))
  const told: number[] = []
  for (let ms = 0; ms < 3000; ms += 10) {
    const out: Effect[] = []
    const flood = { type: 'claim', updates: [] } as const
    one.onMessage(nameOf(2), { ...flood, updates: [] }, cluster.network.now + ms, out)
    if (out.some((effect) => effect.type === 'send')) told.push(ms)
  }
  assert.equal(told, [0, 1000, 2000])
})

membership('when halves find each other again, nobody of one half doubts another of it', () => {
  for (const [count, seconds] of [
    [4, 8],
    [6, 30],
    [9, 60],
    [24, 30],
  ] as const)
    for (const seed of [1, 2, 3, 4, 5]) {
      const cluster = clusterOf(count, seed)
      const half = (member: MemberId) => cluster.members.indexOf(member) < count / 2
      const [left, right] = [cluster.members.filter(half), cluster.members.filter((m) => !half(m))]
      for (const a of left) for (const b of right) cluster.network.cut(a, b)
      cluster.advance(seconds * 1000)
      cluster.takeLog()
      cluster.network.healAll()
      cluster.advance(15_000)
      for (const line of cluster.takeLog()) {
        const [, at, about, state] = /(m.) sees (m.) (down|suspect)/.exec(line) ?? []
        if (state !== undefined) assert.is.not(half(at!), half(about!), `${count}: ${line}`)
      }
      for (const at of cluster.members)
        for (const about of cluster.members)
          assert.is(
            cluster.stateAt(at, about),
            'alive',
            `${count}, seed ${seed}: ${at} of ${about}`,
          )
    }
})

const fault = fc.oneof(
  fc.record({ type: fc.constant('kill' as const), a: fc.nat(29), b: fc.nat(29) }),
  fc.record({ type: fc.constant('restart' as const), a: fc.nat(29), b: fc.nat(29) }),
  fc.record({ type: fc.constant('silence' as const), a: fc.nat(29), b: fc.nat(29) }),
  fc.record({ type: fc.constant('cut' as const), a: fc.nat(29), b: fc.nat(29) }),
  fc.record({ type: fc.constant('heal' as const), a: fc.nat(29), b: fc.nat(29) }),
)

function inflict(
  cluster: Cluster,
  { type, a, b }: { type: string; a: number; b: number },
  incarnations: Map<MemberId, number>,
): void {
  const { members } = cluster
  const [one, other] = [members[a % members.length]!, members[b % members.length]!]
  if (type === 'kill' && cluster.running().length > 2) cluster.network.kill(one)
  if (type === 'silence') cluster.network.silence(one)
  if (type === 'cut' && one !== other) cluster.network.cut(one, other)
  if (type === 'heal') cluster.network.healAll()
  if (type === 'restart' && !cluster.network.isRunning(one)) {
    const incarnation = (incarnations.get(one) ?? 1) + 1
    incarnations.set(one, incarnation)
    cluster.start(one, { join: members.filter((each) => each !== one), incarnation })
  }
}

membership('whatever happened: once links heal, all tables agree with the truth', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.integer({ min: 3, max: 8 }), fc.integer({ min: 9, max: 30 })),
      fc.array(fc.tuple(fault, fc.integer({ min: 0, max: 8000 })), { maxLength: 12 }),
      fc.nat(1000),
      (count, faults, seed) => {
        const cluster = clusterOf(count, seed)
        const incarnations = new Map<MemberId, number>()
        for (const [each, ms] of faults) {
          inflict(cluster, each, incarnations)
          cluster.advance(ms)
        }
        cluster.network.healAll()
        cluster.advance(90_000)
        const running = new Set(cluster.running())
        for (const at of running)
          for (const about of cluster.members) {
            const state = cluster.stateAt(at, about)
            const seen = state !== undefined && isPresent(state)
            assert.is(seen, running.has(about), `${at} sees ${about} ${state}`)
          }
      },
    ),
    { numRuns: 20, seed: 4711 },
  )
})

membership.run()
