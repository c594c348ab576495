/** What others did, told once it is known here: jobs, conflicts, allocations; no history. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Value } from '../../../protocol/base/value.ts'
import { allocationKey } from '../../../protocol/placement/allocation.ts'
import { Inventory } from '../../../protocol/placement/inventory.ts'
import { newsOf } from '../../../protocol/placement/news.ts'
import type { World, Written } from '../../../protocol/placement/world.ts'
import { spec } from './machine.ts'

const news = suite('placement/news')
const stampsPerMs = 4096
const since = 1000

class Follower {
  readonly #kept = new Map<string, Written[]>()
  #counter = 0
  readonly world = {
    self: 'me',
    read: (key: string) => this.#kept.get(key)?.[0],
    versions: (key: string) => this.#kept.get(key) ?? [],
  } as unknown as World
  readonly inventory = new Inventory(this.world)

  /** Newest first where `wins`; the write saw the one that was newest, unless it is concurrent. */
  put(key: string, body: unknown, author: string, how: { at?: number; sees?: boolean } = {}) {
    const { at = since, sees = true } = how
    const kept = this.#kept.get(key) ?? []
    const replaces = sees ? (kept[0] ?? null) : null
    const counter = ++this.#counter
    const stamp = at * stampsPerMs
    this.#kept.set(key, [{ author, counter, stamp, replaces, body: body as Value }, ...kept])
    return this
  }

  told(...keys: string[]): string[] {
    const change = this.inventory.refresh(keys)
    return newsOf(change, { world: this.world, inventory: this.inventory, since }).map((each) => {
      if (each.type === 'job-changed') return `${each.job} ${each.change} by ${each.member}`
      if (each.type === 'job-conflict') return `${each.winner} won over ${each.loser}`
      if (each.type !== 'allocation-changed') return each.type
      return `${each.allocation} ${each.state}${each.healthy ? '+' : ''} on ${each.member}`
    })
  }
}

const web = (generation: number, change = {}) => ({ generation, spec: { ...spec(), ...change } })
const [specKey, countKey] = ['job/web/spec', 'job/web/count']

function allocation(state: string, healthy: boolean): object {
  return {
    ...{ id: 'web.0.00000001', job: 'web', slot: 0, version: '1-a', state, healthy },
    ...{ resources: { cpu: 1, memory: 1, disk: 0, gpu: 0 }, ports: {}, tasks: [] },
    ...{ createdStamp: 1, runningSince: null, reason: null, failures: 0 },
  }
}

news('a job of others: submitted, scaled, updated, deleted', () => {
  const follower = new Follower()
  follower.put(specKey, web(1), 'a').put(countKey, { count: 3 }, 'a')
  assert.equal(follower.told(specKey, countKey), ['web submitted by a'])
  follower.put(countKey, { count: 5 }, 'b')
  assert.equal(follower.told(countKey), ['web scaled by b'])
  follower.put(specKey, web(2, { priority: 7 }), 'b')
  assert.equal(follower.told(specKey), ['web updated by b'])
  follower.put(specKey, null, 'c').put(countKey, null, 'c')
  assert.equal(follower.told(specKey, countKey), ['web deleted by c'])
})

news('what this member wrote itself is told elsewhere', () => {
  const follower = new Follower().put(specKey, web(1), 'me')
  assert.equal(follower.told(specKey), [])
})

news('what was written before this member began is history', () => {
  const follower = new Follower().put(specKey, web(1), 'a', { at: since - 1 })
  const key = allocationKey('a', 'web.0.00000001')
  follower.put(key, allocation('running', true), 'a', { at: since - 1 })
  assert.equal(follower.told(specKey, key), [])
})

news('a conflict names both versions, where the winner did not know the loser', () => {
  const follower = new Follower().put(specKey, web(1), 'a')
  follower.told(specKey)
  const loser = follower.inventory.job('web')!.version
  follower.put(specKey, web(1, { priority: 9 }), 'b', { sees: false })
  const [change, conflict] = follower.told(specKey)
  const winner = follower.inventory.job('web')!.version
  assert.is(change, 'web updated by b')
  assert.is(conflict, `${winner} won over ${loser}`)
})

news('allocations of others: each change of state or health, once', () => {
  const follower = new Follower()
  const key = allocationKey('a', 'web.0.00000001')
  const tell = (state: string, healthy: boolean) =>
    follower.put(key, allocation(state, healthy), 'a').told(key)
  assert.equal(tell('starting', false), ['web.0.00000001 starting on a'])
  assert.equal(tell('running', false), ['web.0.00000001 running on a'])
  assert.equal(tell('running', false), [])
  assert.equal(tell('running', true), ['web.0.00000001 running+ on a'])
  assert.equal(tell('complete', false), ['web.0.00000001 complete on a'])
  follower.put(key, null, 'a')
  assert.equal(follower.told(key), [])
})

news.run()
