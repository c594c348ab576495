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

lives.run()
