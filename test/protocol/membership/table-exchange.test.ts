import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Effect } from '../../../protocol/effect.ts'
import { limits } from '../../../protocol/limits.ts'
import { MemberTable } from '../../../protocol/membership/member-table.ts'
import { TableExchange } from '../../../protocol/membership/table-exchange.ts'

const exchange = suite('membership/table-exchange')
const now = 1_700_000_000_000
const [few, many] = [limits.updatesPerMessage, limits.updatesPerMessage + 1]

interface Made {
  readonly tables: TableExchange
  /** What was sent since it was last asked, to whom. */
  said(): string[]
  readonly out: Effect[]
}

function exchangeOf(members: number): Made {
  const table = new MemberTable()
  for (let i = 0; i < members; i++) table.apply(`m${i}`, { incarnation: 1, state: 'alive' })
  const isLinked = (member: string) => member !== 'stranger'
  const out: Effect[] = []
  const said = () =>
    out.splice(0).map((each) => (each.type === 'send' ? `${each.message.type} ${each.to}` : ''))
  return { tables: new TableExchange({ table, isLinked, incarnation: () => 1 }), said, out }
}

/** All that makes it tell what it holds. */
function meet({ tables, out }: Made): void {
  tables.noteChange(now)
  tables.greetSoon('m1', now + 1, out)
  tables.compare('m2', now + 1, out)
  tables.onJoin('m3', foreign, now + 1, out)
}

const foreign = { type: 'join', incarnation: 1, digest: 'f'.repeat(16), isNew: false } as const

exchange('a small table is told at once, whenever it has changed', () => {
  const made = exchangeOf(few)
  meet(made)
  assert.equal(made.said(), ['join m1', 'join m2', 'member-table m3'])
})

exchange('a large one is not told while what has changed is on its way to all', () => {
  const made = exchangeOf(many)
  const { tables, said, out } = made
  meet(made)
  assert.equal(said(), [])
  assert.is(tables.deadline(), now + 1001)
  tables.onDeadlines(now + 1001, out)
  assert.equal(said(), ['join m1', 'join m3'])
  assert.is(tables.deadline(), undefined)
})

exchange('but to whoever is new, or has brought the change itself', () => {
  const { tables, said, out } = exchangeOf(many)
  tables.noteChange(now)
  tables.onJoin('m1', { ...foreign, isNew: true }, now + 1, out)
  tables.onJoin('m2', foreign, now, out)
  assert.equal(said(), ['member-table m1', 'member-table m1', 'member-table m2', 'member-table m2'])
})

exchange('nobody is greeted whose link has closed meanwhile', () => {
  const { tables, said, out } = exchangeOf(many)
  tables.noteChange(now)
  tables.greetSoon('stranger', now + 1, out)
  tables.onDeadlines(now + 2000, out)
  assert.equal(said(), [])
})

exchange.run()
