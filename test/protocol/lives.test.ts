/** Jobs from submission to their end, on whole agents: what runs, and how often. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Agents } from './agents.ts'

const lives = suite('lives of jobs')

function cluster(...members: string[]): Agents {
  const agents = new Agents()
  for (const member of members) agents.start(member)
  agents.advance(4000)
  return agents
}

function allocations(agents: Agents, job: string): string[] {
  const view = agents.core(agents.running()[0]!).view()
  return view.allocations({ job }).map(({ body }) => body.id)
}

/** Ends all tasks of the job with success. */
function finish(agents: Agents, job: string): void {
  for (const task of agents.tasks().filter((each) => each.startsWith(`${job}.`))) {
    const [slot = '', member = ''] = task.split('@')
    const own = agents.core(member).view().allocations({ job, member })
    for (const { body, state } of own)
      if (state === 'running' && body.id.startsWith(`${slot}.`)) agents.exit(member, body.id, 0)
  }
  agents.advance(1000)
}

const nightly = { id: 'nightly', type: 'batch', count: 2 }

lives('a batch that was deleted and submitted again runs again', () => {
  const agents = cluster('a', 'b')
  agents.submit('a', nightly)
  agents.advance(1000)
  finish(agents, 'nightly')
  assert.is(agents.core('a').view().job('nightly')?.state, 'complete')
  const first = allocations(agents, 'nightly')
  agents.ask('a', { type: 'delete-job', job: 'nightly', ifMatch: null, copies: null })
  agents.advance(1000)
  agents.submit('b', nightly)
  agents.advance(1000)
  assert.equal(
    agents.tasks().map((task) => task.split('@')[0]),
    ['nightly.0', 'nightly.1'],
  )
  finish(agents, 'nightly')
  assert.equal(agents.tasks(), [])
  const later = allocations(agents, 'nightly').filter((id) => !first.includes(id))
  assert.is(later.length, 2, 'each slot once more')
})

lives('a batch whose work is done is not run again: edits, restarts, the death of its node', () => {
  const agents = cluster('a', 'b', 'c')
  agents.submit('a', nightly)
  agents.advance(1000)
  finish(agents, 'nightly')
  const done = allocations(agents, 'nightly')
  for (let edit = 0; edit < 20; edit++) {
    agents.submit('a', { ...nightly, labels: { edit: String(edit) } })
    agents.advance(200)
  }
  for (const member of ['a', 'b', 'c']) {
    agents.kill(member)
    agents.start(member)
  }
  agents.advance(10_000)
  const { member } = agents.core('a').view().allocations({ job: 'nightly' })[0]!
  agents.powerOff(member)
  agents.advance(20_000)
  agents.network.healAll()
  agents.start(member)
  agents.advance(10_000)
  assert.equal(allocations(agents, 'nightly'), done)
  assert.equal(agents.tasks(), [])
})

lives('twenty edits of what does not run leave what runs alone', () => {
  const agents = cluster('a', 'b')
  const web = { id: 'web', count: 2 }
  agents.submit('a', web)
  agents.advance(1000)
  const first = allocations(agents, 'web')
  for (let edit = 0; edit < 20; edit++) {
    agents.submit('b', { ...web, labels: { edit: String(edit) } })
    agents.advance(200)
  }
  agents.kill('a')
  agents.start('a')
  agents.advance(10_000)
  assert.equal(allocations(agents, 'web'), first)
})

lives('a job on a settled cluster starts as soon as it is written, whoever is its steward', () => {
  const agents = cluster('a', 'b', 'c')
  for (const member of ['a', 'b', 'c']) {
    const start = agents.now
    agents.submit(member, { id: `of-${member}` })
    const runs = () => agents.tasks().some((task) => task.startsWith(`of-${member}.`))
    assert.ok(agents.until(runs, 2000))
    // A disk, gossip, the request and a disk again, and 20 ms to start: nothing is waited for.
    assert.ok(agents.now - start <= 80, `${agents.now - start} ms`)
  }
})

lives('a job that comes while the cluster forms waits a moment, and runs once', () => {
  const agents = new Agents()
  for (const member of ['a', 'b', 'c']) agents.start(member)
  agents.advance(200)
  agents.submit('b', { id: 'early', count: 3 })
  agents.advance(1000)
  assert.equal(
    agents.tasks().map((task) => task.split('@')[0]),
    ['early.0', 'early.1', 'early.2'],
  )
  assert.is(agents.takeLog().filter((line) => line.includes(' starts ')).length, 3)
})

lives.run()
