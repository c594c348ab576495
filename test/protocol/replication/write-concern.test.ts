import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultConfig } from '../../../protocol/config.ts'
import type { Effect } from '../../../protocol/effect.ts'
import { copiesWanted, WriteConcern } from '../../../protocol/replication/write-concern.ts'
import { makeRecord } from './kit.ts'

const test = suite('write concern')

/** One member with its clients, as a transcript: `m2#1: 5,6` is a message to m2 with the writes 5 and 6. */
function setUp(peers: string[]) {
  const present = [...peers]
  const writes = new WriteConcern(defaultConfig, () => present)
  let now = 1000
  const sent = (): string[] => {
    const out: Effect[] = []
    writes.send(now, out)
    return out.map((effect) => {
      assert.is(effect.type, 'send')
      const { to, message } = effect as Effect & { type: 'send' }
      const { id, records } = message as unknown as { id: number; records: { counter: number }[] }
      ids.set(to, id)
      return `${to}: ${records.map((record) => record.counter).join()}`
    })
  }
  const ids = new Map<string, number>()
  return {
    present,
    writes,
    /** Writes that have become durable, each in its own step. */
    durable(requests: number[], copies: number | null = null): string[] {
      return requests.flatMap((request) => {
        const record = makeRecord({ author: 'm1', counter: request, key: `job/${request}/spec` })
        writes.gatherCopies({ request, records: [record], copies }, now)
        return sent()
      })
    },
    /** The last message to the member is answered. */
    answered(member: string): string[] {
      writes.onReplicated(member, ids.get(member)!)
      return sent()
    },
    after(ms: number): string[] {
      now += ms
      writes.onDeadlines(now)
      return sent()
    },
    gone(member: string): string[] {
      present.splice(present.indexOf(member), 1)
      writes.onMembersChanged()
      return sent()
    },
    here(member: string): string[] {
      present.push(member)
      present.sort()
      return sent()
    },
    settled(): string[] {
      return writes
        .takeSettled()
        .map(({ request, outcome, copies }) => `${request} ${outcome} ${copies}`)
    },
  }
}

const wanted: [asked: number | null, peers: number, copies: number][] = [
  [null, 0, 1],
  [null, 1, 2],
  [null, 9, 2],
  [1, 9, 1],
  [3, 0, 3],
]

for (const [asked, peers, copies] of wanted) {
  test(`${asked ?? 'the default'} of ${peers} peers means ${copies}`, () => {
    assert.is(copiesWanted(asked, peers), copies)
  })
}

test('alone, a write is settled when it is durable', () => {
  const member = setUp([])
  assert.equal(member.durable([1]), [])
  assert.equal(member.settled(), ['1 written 1'])
  assert.is(member.writes.deadline(), undefined)
})

test('members take turns in holding the second copy', () => {
  const member = setUp(['m2', 'm3', 'm4'])
  assert.equal(member.durable([1]), ['m2: 1'])
  assert.equal(member.answered('m2'), [])
  assert.equal(member.durable([2]), ['m3: 2'])
  assert.equal(member.answered('m3'), [])
  assert.equal(member.durable([3]), ['m4: 3'])
  assert.equal(member.settled(), ['1 written 2', '2 written 2'])
  assert.is(member.writes.pending, 1)
})

test('64 clients at once share messages', () => {
  const member = setUp(['m2', 'm3', 'm4'])
  const requests = Array.from({ length: 64 }, (_, i) => i + 1)
  assert.equal(member.durable(requests), ['m2: 1', 'm3: 2'])
  const rest = requests.slice(2).join()
  assert.equal(member.answered('m2'), [`m4: ${rest}`])
  assert.equal(member.answered('m3'), [])
  assert.equal(member.answered('m4'), [])
  assert.is(member.settled().length, 64)
  assert.is(member.writes.pending, 0)
})

test('three copies go to two members at once', () => {
  const member = setUp(['m2', 'm3', 'm4'])
  assert.equal(member.durable([1], 3), ['m2: 1', 'm3: 1'])
  member.answered('m3')
  assert.equal(member.settled(), [])
  member.answered('m2')
  assert.equal(member.settled(), ['1 written 3'])
})

test('a silent member is passed over for another, and may still answer', () => {
  const member = setUp(['m2', 'm3'])
  assert.equal(member.durable([1], 3), ['m2: 1', 'm3: 1'])
  member.answered('m3')
  assert.equal(member.after(400), ['m2: 1'])
  const other = setUp(['m2', 'm3'])
  assert.equal(other.durable([1]), ['m2: 1'])
  assert.equal(other.after(399), [])
  assert.equal(other.after(1), ['m3: 1'])
  other.answered('m2')
  assert.equal(other.settled(), ['1 written 2'])
  assert.equal(other.answered('m3'), [])
  assert.equal(other.settled(), [])
})

test('a member that is gone is not waited for', () => {
  const member = setUp(['m2', 'm3'])
  assert.equal(member.durable([1]), ['m2: 1'])
  assert.equal(member.gone('m2'), ['m3: 1'])
})

test('the default makes do with what there is, a number does not', () => {
  for (const [copies, outcome] of [
    [null, 'written'],
    [2, 'too-few-copies'],
  ] as const) {
    const member = setUp(['m2'])
    assert.equal(member.durable([1], copies), ['m2: 1'])
    assert.equal(member.gone('m2'), [])
    member.after(1999)
    assert.equal(member.settled(), [])
    member.after(1)
    assert.equal(member.settled(), [`1 ${outcome} 1`])
  }
})

test('more copies than members: waits for a newcomer, then says how many there are', () => {
  const member = setUp(['m2'])
  assert.equal(member.durable([1, 2], 3), ['m2: 1', 'm2: 2'])
  const id = member.answered('m2')
  assert.equal(id, [])
  assert.equal(member.after(500), ['m2: 1'])
  assert.equal(member.answered('m2'), [])
  assert.equal(member.here('m3'), ['m3: 2,1'])
  member.answered('m3')
  assert.equal(member.settled(), ['2 written 3', '1 written 3'])
  member.durable([3], 4)
  member.after(2000)
  assert.equal(member.settled(), ['3 too-few-copies 1'])
})

test('writes that no peer can help do not hold up the others', () => {
  const member = setUp(['m2'])
  for (let request = 1; request <= 600; request++) member.durable([request], 3)
  for (let i = 0; i < 8; i++) member.answered('m2')
  assert.equal(member.durable([1000]), ['m2: 1000'])
})

test('an answer from someone else, or to nothing, counts for nothing', () => {
  const member = setUp(['m2', 'm3'])
  member.durable([1])
  for (let id = 0; id < 10; id++) member.writes.onReplicated('m3', id)
  assert.equal(member.settled(), [])
})

test('a proposal that failed on the disk is settled as such', () => {
  const member = setUp(['m2'])
  member.writes.fail({ request: 4, records: [], copies: null })
  assert.equal(member.settled(), ['4 storage-failed 0'])
})

test.run()
