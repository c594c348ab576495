/** The table is a join: neither the order of claims nor repetition matters; the digest shows what is held. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type MemberUpdate, supersedes } from '../../../protocol/membership/member.ts'
import { MemberTable, type SettledState } from '../../../protocol/membership/member-table.ts'

const table = suite('membership/member-table')

interface SettledUpdate extends MemberUpdate {
  readonly state: SettledState
}

const update: fc.Arbitrary<SettledUpdate> = fc.record({
  member: fc.constantFrom('a', 'b', 'c', 'd'),
  incarnation: fc.nat(4),
  state: fc.constantFrom<SettledState>('alive', 'down', 'left'),
})

function holding(updates: readonly SettledUpdate[]): MemberTable {
  const held = new MemberTable()
  for (const { member, incarnation, state } of updates) held.apply(member, { incarnation, state })
  return held
}

function contents(held: MemberTable) {
  return [...held.ids()].sort().map((member) => ({ member, ...held.get(member)! }))
}

function alive(held: MemberTable) {
  return contents(held).filter(({ state }) => state === 'alive')
}

table('the order of claims does not matter, nor that some come twice', () => {
  fc.assert(
    fc.property(
      fc
        .array(update, { maxLength: 20 })
        .chain((updates) =>
          fc.tuple(
            fc.constant(updates),
            fc.shuffledSubarray(updates, { minLength: updates.length }),
          ),
        ),
      ([updates, shuffled]) => {
        const [one, other] = [holding(updates), holding([...shuffled, ...updates])]
        assert.equal(contents(one), contents(other))
        assert.is(one.digest(), other.digest())
      },
    ),
  )
})

table('holds the greatest claim on each member', () => {
  fc.assert(
    fc.property(fc.array(update, { maxLength: 20 }), (updates) => {
      for (const { member, incarnation, state } of contents(holding(updates)))
        for (const each of updates)
          assert.not(each.member === member && supersedes(each, { incarnation, state }))
    }),
  )
})

table('the digest shows who is alive, and what is forgotten leaves no trace', () => {
  fc.assert(
    fc.property(fc.array(update), fc.array(update), (some, more) => {
      const [one, other] = [holding(some), holding(more)]
      const isEqual = JSON.stringify(alive(one)) === JSON.stringify(alive(other))
      assert.is(one.digest() === other.digest(), isEqual)
      for (const member of [...one.ids()]) one.forget(member)
      assert.is(one.digest(), new MemberTable().digest())
    }),
  )
})

table.run()
