/** Members that were away for longer than deletions are remembered, in a cluster with lives of 40 s. */
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Cluster } from './kit.ts'

const absence = suite('absence')

const ttl = 40_000
const config = { tombstoneTtlMs: ttl }

function start(members: string[], seed = 1): Cluster {
  const cluster = new Cluster({ members, config, seed, presentByLink: true })
  for (const a of members) for (const b of members) if (a < b) cluster.heal(a, b)
  cluster.advance(2000)
  return cluster
}

let lastRequest = 0

function write(cluster: Cluster, member: string, job: string, body: string | null): void {
  const writes = [{ key: `job/${job}/spec`, body }]
  lastRequest += 1
  cluster.act(member, (replica) => replica.propose(lastRequest, writes, 1, cluster.now))
}

function isolate(cluster: Cluster, member: string): void {
  for (const other of cluster.hosts.keys()) if (other !== member) cluster.cut(member, other)
}

function rejoin(cluster: Cluster, member: string): void {
  for (const other of cluster.hosts.keys()) if (other !== member) cluster.heal(member, other)
}

function jobsOf(cluster: Cluster, member: string): string[] {
  return [...cluster.replica(member).keys('job/')].map((key) => key.split('/')[1]!)
}

function settle(cluster: Cluster): void {
  const within = cluster.until(() => cluster.areEqual(), 60_000)
  assert.ok(within !== undefined, 'all become equal')
}

absence(
  'off for long: what was deleted meanwhile stays deleted, what it says of itself stays',
  () => {
    const cluster = start(['m1', 'm2', 'm3'])
    cluster.act('m3', (replica) => replica.writeOwn('alloc/m3/x', 'running', cluster.now))
    for (const job of ['old', 'kept']) write(cluster, 'm3', job, 'v1')
    cluster.advance(5000)
    cluster.crash('m3')
    write(cluster, 'm1', 'old', null)
    cluster.advance(ttl + 10_000)
    assert.is(cluster.replica('m1').size().tombstones, 0, 'nobody remembers the deletion')
    cluster.restart('m3')
    assert.equal(jobsOf(cluster, 'm3'), ['kept', 'old'], 'as it left')
    write(cluster, 'm3', 'fresh', 'v1')
    settle(cluster)
    for (const member of ['m1', 'm2', 'm3'])
      assert.equal(jobsOf(cluster, member), ['fresh', 'kept'], member)
    assert.is(cluster.replica('m1').value('alloc/m3/x'), 'running')
    cluster.crash('m3')
    cluster.restart('m3')
    assert.equal(jobsOf(cluster, 'm3'), ['fresh', 'kept'], 'on its disk too')
    cluster.advance(3 * ttl)
    assert.equal(jobsOf(cluster, 'm1'), ['fresh', 'kept'])
  },
)

absence('off for a short time it brings back nothing, and loses nothing', () => {
  const cluster = start(['m1', 'm2', 'm3'])
  for (const job of ['old', 'own']) write(cluster, 'm3', job, 'v1')
  cluster.advance(3000)
  cluster.crash('m3')
  write(cluster, 'm1', 'old', null)
  cluster.advance(ttl / 2)
  cluster.restart('m3')
  settle(cluster)
  assert.equal(jobsOf(cluster, 'm3'), ['own'])
  assert.equal(jobsOf(cluster, 'm1'), ['own'])
})

absence('alone for long it yields to the others, but not what it wrote lately', () => {
  const cluster = start(['m1', 'm2', 'm3'])
  for (const job of ['old', 'kept']) write(cluster, 'm1', job, 'v1')
  cluster.advance(3000)
  isolate(cluster, 'm3')
  write(cluster, 'm1', 'old', null)
  cluster.advance(ttl)
  write(cluster, 'm3', 'lately', 'v1')
  cluster.advance(5000)
  rejoin(cluster, 'm3')
  settle(cluster)
  for (const member of ['m1', 'm2', 'm3'])
    assert.equal(jobsOf(cluster, member), ['kept', 'lately'], member)
})

absence('the last one alive is right about those that were off, whoever it meets first', () => {
  const cluster = start(['m1', 'm2', 'm3'])
  for (const job of ['old', 'kept']) write(cluster, 'm1', job, 'v1')
  cluster.advance(3000)
  cluster.crash('m1')
  cluster.crash('m2')
  cluster.advance(1000)
  write(cluster, 'm3', 'old', null)
  write(cluster, 'm3', 'new', 'v1')
  cluster.advance(2 * ttl)
  isolate(cluster, 'm3')
  cluster.restart('m1')
  cluster.restart('m2')
  cluster.advance(5000)
  assert.equal(jobsOf(cluster, 'm1'), ['kept', 'old'], 'they have only each other')
  rejoin(cluster, 'm3')
  settle(cluster)
  for (const member of ['m1', 'm2', 'm3'])
    assert.equal(jobsOf(cluster, member), ['kept', 'new'], member)
})

absence('all were off for long: everything is back', () => {
  const members = ['m1', 'm2', 'm3', 'm4']
  const cluster = start(members)
  for (const member of members) write(cluster, member, `of-${member}`, 'v1')
  // Acknowledged on two, and not spread any further.
  isolate(cluster, 'm3')
  isolate(cluster, 'm4')
  cluster.heal('m3', 'm4')
  write(cluster, 'm3', 'late', 'v1')
  cluster.advance(2000)
  for (const member of members) cluster.crash(member)
  cluster.advance(10 * ttl)
  for (const member of ['m1', 'm2']) cluster.restart(member)
  cluster.advance(3000)
  for (const member of ['m3', 'm4']) cluster.restart(member)
  for (const member of ['m3', 'm4']) rejoin(cluster, member)
  settle(cluster)
  for (const member of members)
    assert.equal(jobsOf(cluster, member), ['late', 'of-m1', 'of-m2', 'of-m3', 'of-m4'], member)
})

absence('two clusters that never had anything in common are joined with all they have', () => {
  const cluster = new Cluster({ members: ['m1', 'm2'], config, presentByLink: true })
  cluster.cut('m1', 'm2')
  write(cluster, 'm1', 'a', 'v1')
  cluster.advance(3 * ttl)
  write(cluster, 'm2', 'b', 'v1')
  cluster.advance(ttl)
  cluster.heal('m1', 'm2')
  settle(cluster)
  assert.equal(jobsOf(cluster, 'm1'), ['a', 'b'])
})

absence('a newcomer has the history of those that it came to', () => {
  const cluster = start(['m1', 'm2', 'm3'])
  write(cluster, 'm1', 'old', 'v1')
  cluster.advance(3000)
  cluster.crash('m3')
  write(cluster, 'm1', 'old', null)
  cluster.advance(2 * ttl)
  // It knows only the one that was away.
  cluster.cut('m3', 'm1')
  cluster.cut('m3', 'm2')
  cluster.restart('m3')
  cluster.start('m9')
  for (const other of ['m1', 'm2']) cluster.cut('m9', other)
  cluster.heal('m9', 'm3')
  cluster.advance(5000)
  assert.equal(jobsOf(cluster, 'm9'), ['old'])
  for (const member of ['m9', 'm3']) rejoin(cluster, member)
  settle(cluster)
  for (const member of ['m1', 'm2', 'm3', 'm9']) assert.equal(jobsOf(cluster, member), [], member)
})

absence('a deletion that counts no more is told to one who has not heard of it', () => {
  const cluster = new Cluster({ members: ['m1', 'm2'], config })
  write(cluster, 'm1', 'old', 'v1')
  cluster.advance(3000)
  cluster.cut('m1', 'm2')
  write(cluster, 'm1', 'old', null)
  cluster.advance(ttl + 1000)
  assert.is(
    cluster.replica('m1').size().tombstones,
    1,
    'kept, since the other is there and has not agreed',
  )
  cluster.heal('m1', 'm2')
  settle(cluster)
  assert.equal(jobsOf(cluster, 'm2'), [])
  cluster.advance(3 * ttl)
  for (const member of ['m1', 'm2']) assert.equal(cluster.replica(member).size().records, 0)
})

interface Act {
  readonly type: 'write' | 'delete' | 'cut' | 'heal' | 'crash' | 'restart'
  readonly member: number
  readonly other: number
  readonly job: number
  readonly waitMs: number
}

const acts = fc.array(
  fc.record({
    type: fc.constantFrom('write', 'write', 'delete', 'delete', 'cut', 'heal', 'crash', 'restart'),
    member: fc.nat({ max: 3 }),
    other: fc.nat({ max: 3 }),
    job: fc.nat({ max: 4 }),
    waitMs: fc.integer({ min: 10, max: 3000 }),
  }),
  { minLength: 5, maxLength: 30 },
)

const names = ['m1', 'm2', 'm3', 'm4']

/** Performs the acts; returns the last write of each job that was durable, by the order of all. */
function perform(cluster: Cluster, list: readonly Act[]): void {
  for (const { type, member, other, job, waitMs } of list) {
    const [a, b] = [names[member]!, names[other]!]
    const isUp = cluster.hosts.get(a)!.isUp
    if (type === 'write' && isUp) write(cluster, a, `j${job}`, `${cluster.now}`)
    if (type === 'delete' && isUp) write(cluster, a, `j${job}`, null)
    if (type === 'cut' && a !== b) cluster.cut(a, b)
    if (type === 'heal' && a !== b) cluster.heal(a, b)
    if (type === 'crash' && isUp) cluster.crash(a)
    if (type === 'restart' && !isUp) cluster.restart(a)
    cluster.advance(waitMs)
  }
}

function healAll(cluster: Cluster): void {
  for (const name of names) if (!cluster.hosts.get(name)!.isUp) cluster.restart(name)
  for (const a of names) for (const b of names) if (a < b) cluster.heal(a, b)
}

/** The value that the newest record anybody holds gives each job. */
function winners(cluster: Cluster): Map<string, unknown> {
  const found = new Map<string, { stamp: number; author: string; body: unknown }>()
  for (const name of names)
    for (let job = 0; job <= 4; job++) {
      const record = cluster.replica(name).get(`job/j${job}/spec`)
      const best = found.get(`j${job}`)
      if (record && (!best || record.stamp > best.stamp)) found.set(`j${job}`, record)
    }
  return new Map([...found].map(([job, { body }]) => [job, body]))
}

absence(
  'whatever is cut, crashes and heals within their time: deletions hold, and are forgotten',
  () => {
    fc.assert(
      fc.property(acts, fc.nat({ max: 1000 }), (list, seed) => {
        // 30 acts of 3 s at most: no one is away for more than 90 of 100 s.
        const cluster = new Cluster({
          members: names,
          config: { tombstoneTtlMs: 100_000 },
          seed,
          presentByLink: true,
        })
        for (const a of names) for (const b of names) if (a < b) cluster.heal(a, b)
        perform(cluster, list)
        healAll(cluster)
        const expected = winners(cluster)
        settle(cluster)
        const check = (when: string) => {
          for (const name of names)
            for (const [job, body] of expected)
              assert.is(
                cluster.replica(name).value(`job/${job}/spec`) ?? null,
                body,
                `${job} ${when}`,
              )
        }
        check('once healed')
        cluster.advance(220_000)
        check('when deletions are forgotten')
        assert.ok(cluster.areEqual())
        for (const name of names) assert.is(cluster.replica(name).size().tombstones, 0)
      }),
      { numRuns: 40 },
    )
  },
)

absence('whoever is away for long, off or alone: what the others deleted stays deleted', () => {
  fc.assert(
    fc.property(acts, fc.boolean(), fc.nat({ max: 1000 }), (list, isOff, seed) => {
      const cluster = start(names, seed)
      for (let job = 0; job <= 4; job++) write(cluster, names[job % 4]!, `j${job}`, 'first')
      cluster.advance(3000)
      if (isOff) cluster.crash('m4')
      else isolate(cluster, 'm4')
      const others = list.filter((act) => act.type === 'write' || act.type === 'delete')
      perform(
        cluster,
        others.map((act) => ({ ...act, member: act.member % 3, waitMs: 100 })),
      )
      settle3(cluster)
      cluster.advance(ttl + 15_000)
      const expected = jobsOf(cluster, 'm1')
      if (isOff) cluster.restart('m4')
      else rejoin(cluster, 'm4')
      settle(cluster)
      for (const name of names) assert.equal(jobsOf(cluster, name), expected, name)
    }),
    { numRuns: 40 },
  )
})

function settle3(cluster: Cluster): void {
  const roots = () => new Set(['m1', 'm2', 'm3'].map((name) => cluster.replica(name).root()))
  assert.ok(cluster.until(() => roots().size === 1, 20_000) !== undefined)
}

absence.run()
