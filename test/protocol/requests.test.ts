/** What clients are told: how many nodes hold a write, and what becomes of edits that meet. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Command } from '../../protocol/request.ts'
import { Agents, describeReply } from './agents.ts'

const requests = suite('requests')

function cluster(...members: string[]): Agents {
  const agents = new Agents()
  for (const member of members) agents.start(member)
  agents.advance(4000)
  return agents
}

function answers(agents: Agents, ms = 3000): string[] {
  agents.advance(ms)
  return agents.replies.splice(0).map(({ reply }) => describeReply(reply))
}

requests('the same again waits for its copies, and counts them', () => {
  const agents = cluster('a', 'b', 'c')
  agents.submit('a', { id: 'web' })
  assert.equal(answers(agents), ['web created, 2 copies'])
  agents.submit('a', { id: 'web' })
  assert.equal(answers(agents), ['web accepted, 2 copies'])
  agents.submit('a', { id: 'web' }, 3)
  agents.submit('b', { id: 'web' }, 1)
  assert.equal(answers(agents), ['web accepted, 1 copy', 'web accepted, 3 copies'])
  agents.ask('c', { type: 'scale-job', job: 'web', count: 1, ifMatch: null, copies: 3 })
  agents.ask('c', { type: 'drain-node', member: 'a', draining: false, copies: null })
  assert.equal(answers(agents), ['a accepted, 1 copy', 'web accepted, 3 copies'].sort())
})

requests('a client that retries after an answer that was lost is not told too much', () => {
  const agents = cluster('a', 'b')
  agents.partition(['a'], ['b'])
  agents.submit('a', { id: 'web' }, 2)
  assert.equal(answers(agents), [
    'too-few-copies (1 node has the write, not the 2 asked for: no more answered in time; ' +
      'it is kept, and may still spread)',
  ])
  agents.submit('a', { id: 'web' }, 2)
  assert.match(answers(agents)[0]!, /^too-few-copies \(1 node has/)
  agents.network.healAll()
  agents.submit('a', { id: 'web' }, 2)
  assert.equal(answers(agents, 20_000), ['web accepted, 2 copies'])
  assert.equal(agents.core('b').view().jobs().length, 1)
})

requests('more copies than nodes: as many as there are, and how many that is', () => {
  const agents = cluster('a', 'b', 'c')
  agents.submit('a', { id: 'web' }, 5)
  agents.advance(3000)
  assert.equal(agents.replies[0]?.reply, {
    ok: false,
    problem: {
      code: 'too-few-copies',
      copies: 3,
      detail:
        '3 nodes have the write, not the 5 asked for: no more answered in time; ' +
        'it is kept, and may still spread',
    },
  })
  for (const member of ['a', 'b', 'c'])
    assert.is(agents.core(member).view().jobs().length, 1, 'it is everywhere all the same')
})

requests('alone the default is one copy, and the answer says so', () => {
  const agents = cluster('a')
  agents.submit('a', { id: 'web' })
  agents.submit('a', { id: 'web' })
  assert.equal(answers(agents), ['web created, 1 copy', 'web accepted, 1 copy'])
  agents.submit('a', { id: 'web' }, 2)
  assert.match(answers(agents)[0]!, /^too-few-copies \(1 node has the write, not the 2/)
})

requests('the default does not wait for those who are known to be gone', () => {
  const agents = cluster('a', 'b')
  agents.kill('b')
  agents.until(() => agents.core('a').view().memberState('b') === 'down', 10_000)
  const start = agents.now
  agents.submit('a', { id: 'web' })
  assert.ok(agents.until(() => agents.replies.length > 0, 500))
  assert.equal(answers(agents, 0), ['web created, 1 copy'])
  assert.ok(agents.now - start < 500)
})

requests(
  'an edit that did not see a scale does not undo it, where its client says what it saw',
  () => {
    const agents = cluster('a', 'b')
    const job = () => agents.core('a').view().job('web')!
    const change = (ifMatch: string, priority: number, count: number) => {
      const spec = { ...job().spec, priority, count }
      agents.ask('a', { type: 'submit-job', spec, mode: 'replace', ifMatch, copies: null })
      return answers(agents)[0]!
    }
    agents.submit('a', { id: 'web' })
    answers(agents)
    const { version, revision } = job()
    agents.ask('b', { type: 'scale-job', job: 'web', count: 5, ifMatch: revision, copies: null })
    assert.equal(answers(agents), ['web accepted, 2 copies'])
    assert.equal([job().version, job().count], [version, 5])
    assert.is.not(job().revision, revision)
    assert.match(change(revision, 60, 1), /^version-mismatch \(the version is .*, not /)
    assert.is(job().count, 5)
    assert.match(change(job().revision, 60, job().count), /^web accepted/)
    assert.match(change(job().version, 70, 2), /^web accepted/, 'the version alone is of the spec')
    assert.is(job().count, 2)
  },
)

requests('what is read and put back as it is changes nothing, after a scale too', () => {
  const agents = cluster('a', 'b')
  agents.submit('a', { id: 'web' })
  agents.ask('a', { type: 'scale-job', job: 'web', count: 5, ifMatch: null, copies: null })
  answers(agents)
  const { spec, version } = agents.core('a').view().job('web')!
  const same = { ...spec, count: 5 }
  agents.ask('b', { type: 'submit-job', spec: same, mode: 'create', ifMatch: null, copies: null })
  assert.equal(answers(agents), ['web accepted, 2 copies'])
  assert.is(agents.core('a').view().job('web')!.version, version)
})

const create = (count: number, copies: number | null = null): Command => ({
  type: 'submit-job',
  mode: 'create',
  ifMatch: null,
  copies,
  spec: { id: 'web', count, tasks: [{ name: 'main', process: { command: ['true'] } }] },
})

requests('of two that create one job at the same time only one has created it', () => {
  const agents = cluster('a', 'b')
  agents.ask('a', create(1))
  agents.ask('a', create(2))
  agents.ask('a', create(1))
  const told = answers(agents)
  assert.is(told.filter((line) => line === 'web created, 2 copies').length, 1)
  assert.is(told.filter((line) => line === 'web accepted, 2 copies').length, 1)
  assert.is(told.filter((line) => line.startsWith('exists (')).length, 1)
  assert.is(agents.core('b').view().job('web')?.count, 1)
})

requests('of two edits of the version that both saw only one is made', () => {
  const agents = cluster('a', 'b')
  agents.submit('a', { id: 'web' })
  answers(agents)
  const ifMatch = agents.core('a').view().job('web')!.version
  const edit = (priority: number): Command => ({
    type: 'submit-job',
    mode: 'replace',
    ifMatch,
    copies: null,
    spec: { id: 'web', priority, tasks: [{ name: 'main', process: { command: ['true'] } }] },
  })
  agents.ask('a', edit(1))
  agents.ask('a', edit(2))
  const told = answers(agents)
  assert.equal(told.map((line) => line.split(' ')[0]).sort(), ['version-mismatch', 'web'])
  assert.is(agents.core('a').view().job('web')?.spec.priority, 1)
})

requests('what waits behind a write that the disk refuses is judged anew', () => {
  const agents = cluster('a', 'b')
  agents.fillDisk('a', true)
  agents.ask('a', create(1))
  agents.ask('a', create(2))
  const told = answers(agents)
  assert.equal(
    told.map((line) => line.split(' ')[0]),
    ['storage-failed', 'storage-failed'],
  )
  agents.fillDisk('a', false)
  agents.advance(3000)
  agents.ask('a', create(3))
  assert.equal(answers(agents), ['web created, 2 copies'])
})

requests('the answer comes in the step in which the second copy is known', () => {
  const agents = cluster('a', 'b')
  const start = agents.now
  agents.submit('a', { id: 'web' })
  assert.ok(agents.until(() => agents.replies.length > 0, 1000))
  // Two disks of 2 ms, two ways of 10 ms, and the step of this clock.
  assert.ok(agents.now - start <= 34, `${agents.now - start} ms`)
})

requests('an edit of a job that waits for nobody does not hold up another job', () => {
  const agents = cluster('a', 'b')
  for (let i = 0; i < 20; i++) agents.submit('a', { id: `job-${i}` })
  const start = agents.now
  assert.ok(agents.until(() => agents.replies.length === 20, 1000))
  assert.ok(agents.now - start < 200, 'all in one or two rounds')
})

requests.run()
