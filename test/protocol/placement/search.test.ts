/** The search over numbers against the plain rules, which `why` prints: the same members, order and effort. */
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MemberId } from '../../../protocol/base/id.ts'
import { Random } from '../../../protocol/base/random.ts'
import type { MemberState } from '../../../protocol/membership/member.ts'
import { findCandidates, type Scored } from '../../../protocol/placement/candidates.ts'
import { type Candidate, refusalOf, wishOf } from '../../../protocol/placement/feasibility.ts'
import { Occupancy } from '../../../protocol/placement/occupancy.ts'
import { keyOfSlot, PlacementRing } from '../../../protocol/placement/placement-ring.ts'
import { noResources, type Resources, subtract } from '../../../protocol/placement/resources.ts'
import { burdenOf, scoreOf } from '../../../protocol/placement/score.ts'
import { Search } from '../../../protocol/placement/search.ts'
import { Vacancies } from '../../../protocol/placement/vacancies.ts'
import { node, spec, startMs, task } from './machine.ts'
import { healthy, Stage } from './stage.ts'

const search = suite('the search for a slot')

/** What is known of a member, and of the slot's past on it. */
interface Facts {
  readonly candidate: Candidate
  readonly held: Resources
  readonly slots: number
  readonly setbacks: number
  readonly isSkipped: boolean
}

function drawFacts(member: MemberId, random: Random): Facts {
  const often = <T>(usual: T, others: readonly T[]): T =>
    random.chance(4, 5) ? usual : random.pick(others)!
  const amount = (): number => often(random.below(40), [-3, 2 ** 31 - 1, 2 ** 31, 2 ** 36])
  const body = node({
    labels: { zone: random.pick(['a', 'b', 'c'])! },
    capacity: {
      cpu: often(40, [0, 80, 2 ** 32]),
      memory: often(40, [0, 60]),
      disk: 40,
      gpu: often(0, [4]),
    },
    runtimes: often(['process'], [['docker'], ['process', 'docker'], []]),
    awayUntil: often(null, [startMs - 1, startMs + 1]),
  })
  const candidate: Candidate = {
    member,
    state: often<MemberState | undefined>('alive', ['suspect', 'down', 'left', undefined]),
    node: often<typeof body | undefined>(body, [body, undefined]),
    draining: often(false, [true]),
    free: { cpu: amount(), memory: amount(), disk: amount(), gpu: often(0, [1, 2, 1000, 1300]) },
  }
  return {
    candidate: random.chance(9, 10) ? candidate : { ...candidate, devices: [1000, 300] },
    held: often(noResources, [{ cpu: 9, memory: 3, disk: 0, gpu: 1 }]),
    slots: often(0, [1, 2]),
    setbacks: often(0, [1]),
    isSkipped: often(false, [true]),
  }
}

const wishes = fc.record({
  type: fc.constantFrom('service', 'batch'),
  resources: fc.record({
    cpu: fc.nat(30),
    memory: fc.nat(30),
    disk: fc.constantFrom(0, 0, 5, 2 ** 30),
    gpu: fc.constantFrom(0, 0, 0, 1),
  }),
  constraints: fc.constantFrom(
    [],
    [],
    [{ attribute: 'zone', operator: '!=', value: 'a' }],
    [{ attribute: 'zone', operator: 'max-per', value: '2' }],
  ),
  spread: fc.constantFrom([], [], [{ attribute: 'zone' }]),
  affinities: fc.constantFrom([], [], [{ attribute: 'zone', value: 'b', weight: 50 }]),
  tasks: fc.constantFrom(1, 1, 3),
  hasGpuJobs: fc.constantFrom(false, false, true),
  skips: fc.boolean(),
})
type Wanted = typeof wishes extends fc.Arbitrary<infer T> ? T : never

interface Result {
  readonly ranked: readonly Scored[]
  readonly best: MemberId | undefined
  readonly seen: number
}

class Scene {
  readonly ring: PlacementRing
  readonly facts = new Map<MemberId, Facts>()
  readonly #vacancies = new Vacancies((member) => this.facts.get(member)!.candidate)
  readonly #breadth = { candidates: 3, candidatesSpilled: 8 }

  constructor(members: number, random: Random) {
    const names = Array.from({ length: members }, (_, i) => `m${i}`)
    this.ring = PlacementRing.empty.patched(new Map(names.map((name) => [name, 4])))
    for (const name of names) this.facts.set(name, drawFacts(name, random))
  }

  change(member: MemberId, random: Random): void {
    this.facts.set(member, drawFacts(member, random))
    this.#vacancies.note(member)
  }

  /** By both ways. */
  compare(wanted: Wanted, slot: number): [Result, Result] {
    const { resources, tasks, hasGpuJobs, skips, ...fields } = wanted
    const list = Array.from({ length: tasks }, (_, i) => task({ name: `t${i}`, resources }))
    const job = spec({ ...fields, tasks: list })
    const wish = wishOf(job, undefined, hasGpuJobs ? [{ cpu: 10, gpu: 1, slots: 3 }] : [])
    const occupancy = new Occupancy(job, (member) => this.facts.get(member)?.candidate.node)
    for (const [member, { slots }] of this.facts)
      for (let i = 0; i < slots; i++) occupancy.add(member)
    const isSkipped = (member: MemberId): boolean => skips && this.facts.get(member)!.isSkipped
    const judge = (member: MemberId): number | undefined => {
      const { candidate, held, setbacks } = this.facts.get(member)!
      const now = { ...candidate, free: subtract(candidate.free, held) }
      if (refusalOf(wish, now, occupancy, startMs) !== undefined) return undefined
      return scoreOf(wish, now, occupancy, setbacks)
    }
    const key = keyOfSlot(job.id, slot)
    const fast = new Search({
      ring: this.ring,
      key,
      vacancies: this.#vacancies,
      wish,
      breadth: this.#breadth,
      skips: skips ? isSkipped : undefined,
      reserved: (member) => this.facts.get(member)!.held,
      burden: (member) => burdenOf(wish, member, occupancy, this.facts.get(member)!.setbacks),
      judge,
    })
    let seen = 0
    const score = (member: MemberId): number | undefined => {
      seen++
      return isSkipped(member) ? undefined : judge(member)
    }
    const ranked = findCandidates(this.ring.walk(key), score, this.#breadth)
    return [
      { ranked: fast.ranked(), best: fast.best(), seen: fast.seen },
      { ranked, best: ranked[0]?.member, seen },
    ]
  }
}

search('finds what the plain rules find, while what is known changes', () => {
  const requests = fc.array(fc.tuple(wishes, fc.nat(50), fc.nat(3)), {
    minLength: 1,
    maxLength: 20,
  })
  let found = 0
  let refused = 0
  fc.assert(
    fc.property(fc.nat(40), fc.integer(), requests, (members, seed, asked) => {
      const random = new Random(seed)
      const scene = new Scene(members, random)
      for (const [wanted, slot, changes] of asked) {
        const [fast, plain] = scene.compare(wanted, slot)
        assert.equal(fast, plain)
        if (plain.best === undefined) refused++
        else found++
        for (let i = 0; i < changes && members > 0; i++)
          scene.change(`m${random.below(members)}`, random)
      }
    }),
    { numRuns: 500 },
  )
  assert.ok(found > 500 && refused > 100, `${found} found, ${refused} refused`)
})

/** What changes what members can take, with all that a steward is told of it. */
function disturb(stage: Stage, member: MemberId, random: Random): void {
  const amount = (): number => 100 * random.below(11)
  const acts: (() => void)[] = [
    () => stage.setState(member, random.chance(1, 2) ? 'alive' : 'suspect'),
    // Another ring, with which everything begins anew: seldom.
    () => stage.setState(member, random.chance(1, 20) ? 'down' : 'alive'),
    () => stage.put(`drain/${member}`, { draining: random.chance(1, 3) }),
    () => stage.setAvailability(member, { cpu: amount(), memory: 1000, disk: 1000, gpu: 1 }),
    () => {
      const capacity = { cpu: 1000, memory: amount(), disk: 1000, gpu: random.below(2) }
      const away = random.chance(1, 4) ? stage.now + 60_000 : null
      stage.put(`node/${member}`, { ...node({ capacity, awayUntil: away }) } as never, member)
    },
    () => {
      const id = `other.0.${random.hex(8)}`
      const resources = { cpu: amount() / 2, memory: 100, disk: 0, gpu: 0 }
      const wanted = { job: 'other', slot: 0, version: '1', allocation: id, failures: 0 }
      stage.place(member, wanted, { resources })
    },
    () => {
      for (const { body } of stage.inventory.allocationsOn(member)) stage.remove(body.id)
    },
  ]
  random.pick(acts)!()
}

search('a steward that has placed for long decides as one that has just come', () => {
  const random = new Random(5)
  const config = { placementSettleMs: 0 }
  const members = 24
  const old = Stage.of(members, { config })
  let decisions = 0
  let placed = 0
  for (let round = 0; decisions < 400; round++) {
    const job = `job-${round}`
    if (old.steward.stewardOf(job) !== 'm1') continue
    for (let i = random.below(6); i > 0; i--) disturb(old, `m${1 + random.below(members)}`, random)
    if (old.states.get('m1') !== 'alive') old.setState('m1', 'alive')
    const fresh = new Stage({ config, like: old })
    for (const [member, { capacity }] of old.availability) fresh.setAvailability(member, capacity)
    if (old.steward.stewardOf(job) !== 'm1') continue
    const resources = { cpu: 100 * random.below(6), memory: 100 * random.below(4) }
    old.putJob(spec({ id: job, count: 1, tasks: [task({ resources })] }))
    fresh.refresh([`job/${job}/spec`])
    const asked = old.takeAsked()
    assert.equal(
      asked.map(({ to }) => to),
      fresh.takeAsked().map(({ to }) => to),
      job,
    )
    for (const each of asked) old.accept(each, healthy)
    // Or it would be placed in a later round.
    old.put(`job/${job}/spec`, null)
    if (random.chance(7, 8)) for (const { request } of asked) old.remove(request.allocation)
    decisions++
    placed += asked.length
  }
  assert.ok(placed > 200, `${placed} placed`)
})

search.run()
