import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { matchesGlob } from '../../../protocol/placement/attribute.ts'
import {
  type Candidate,
  describeRefusal,
  refusalOf,
  wishOf,
} from '../../../protocol/placement/feasibility.ts'
import type { Constraint, JobSpec } from '../../../protocol/placement/job.ts'
import { Occupancy } from '../../../protocol/placement/occupancy.ts'
import { node, spec, startMs, task } from './machine.ts'

const feasible = suite('feasibility')

const nodes = new Map([
  ['m1', node({ name: 'n1', labels: { zone: 'a', rack: 'r1' } })],
  ['m2', node({ name: 'n2', labels: { zone: 'a', rack: 'r2' } })],
  ['m3', node({ name: 'n3', labels: { zone: 'b', rack: 'r3' } })],
  ['m4', node({ name: 'n4', labels: {} })],
] as const)

function candidate(member: string, change: Partial<Candidate> = {}): Candidate {
  const free = { cpu: 1000, memory: 1000, disk: 1000, gpu: 1 }
  const held = nodes.get(member as 'm1')
  return { member, state: 'alive', node: held, draining: false, free, ...change }
}

function refusal(
  job: JobSpec,
  asked: Candidate,
  slotsOn: readonly string[] = [],
): string | undefined {
  const groups = new Map([['zone', new Set(['a', 'b'])]])
  const wish = wishOf(job, groups)
  const occupancy = new Occupancy(job, (member) => nodes.get(member as 'm1'))
  for (const member of slotsOn) occupancy.add(member)
  const found = refusalOf(wish, asked, occupancy, startMs)
  return found && describeRefusal(found, asked, wish.need)
}

feasible('the state of the member', () => {
  const away = { ...nodes.get('m1')!, awayUntil: startMs + 1 }
  const table: [Partial<Candidate>, string | undefined][] = [
    [{}, undefined],
    [{ state: 'suspect' }, 'suspect'],
    [{ state: 'down' }, 'down'],
    [{ state: 'left' }, 'left'],
    [{ state: undefined }, 'not known yet'],
    [{ node: undefined }, 'not known yet'],
    [{ draining: true }, 'draining'],
    [{ node: away }, 'away'],
    [{ node: { ...away, awayUntil: startMs } }, undefined],
    [{ free: { cpu: 99, memory: 1000, disk: 0, gpu: 0 } }, 'cpu: needs 100, 99 free'],
    [{ free: { cpu: 100, memory: -5, disk: 0, gpu: 0 } }, 'memory: needs 100, 0 free'],
    [{ free: { cpu: 100, memory: 100, disk: 0, gpu: 0 } }, undefined],
    [{ node: { ...away, awayUntil: null, runtimes: ['docker'] } }, 'runtime: has no process'],
  ]
  for (const [change, expected] of table)
    assert.is(refusal(spec(), candidate('m1', change)), expected, JSON.stringify(change))
})

feasible('docker tasks need docker, and a mixed job both', () => {
  const docker = { name: 'other', docker: { image: 'nginx' } }
  const both = spec({ tasks: [task(), docker] })
  const body = { ...nodes.get('m1')!, runtimes: ['process', 'docker'] as const }
  assert.is(refusal(spec({ tasks: [docker] }), candidate('m1')), 'runtime: has no docker')
  assert.is(refusal(both, candidate('m1')), 'runtime: has no docker')
  assert.is(refusal(both, candidate('m1', { node: body })), undefined)
})

feasible('constraints', () => {
  const table: [constraint: string, slotsOn: string, fits: string][] = [
    ['zone = a', '', 'm1 m2'],
    ['label.zone = a', '', 'm1 m2'],
    ['zone != a', '', 'm3 m4'],
    ['node.name = n3', '', 'm3'],
    ['node.id != m3', '', 'm1 m2 m4'],
    ['rack like r?', '', 'm1 m2 m3'],
    ['rack like r1|r3', '', 'm1 m3'],
    ['rack unlike r*', '', 'm4'],
    ['zone unique', '', 'm1 m2 m3'],
    ['zone unique', 'm1', 'm3'],
    ['node.id unique', 'm1 m3', 'm2 m4'],
    ['zone max-per 2', 'm1', 'm1 m2 m3'],
    ['zone max-per 2', 'm1 m2', 'm3'],
    ['zone cluster', '', 'm1 m2 m3'],
    ['zone cluster', 'm3', 'm3'],
    ['zone cluster a', 'm3', 'm1 m2'],
    ['zone group-by', '', 'm1 m2 m3'],
    ['zone group-by', 'm1', 'm3'],
    ['zone group-by', 'm1 m3', 'm1 m2 m3'],
    ['zone group-by', 'm1 m2 m3', 'm3'],
    ['zone group-by 3', 'm1 m3', ''],
  ]
  for (const [written, on, fits] of table) {
    const [attribute, operator, value] = written.split(' ') as [
      string,
      Constraint['operator'],
      string?,
    ]
    const job = spec({ constraints: [{ attribute, operator, ...(value && { value }) }] })
    const found = [...nodes.keys()].filter(
      (member) => refusal(job, candidate(member), on.split(' ').filter(Boolean)) === undefined,
    )
    assert.is(found.join(' '), fits, `${written} with slots on ${on || 'none'}`)
  }
})

feasible('a refusal says what was asked and what is there', () => {
  const job = spec({ constraints: [{ attribute: 'label.zone', operator: '=', value: 'a' }] })
  assert.is(refusal(job, candidate('m3')), 'label.zone = a: is b')
  assert.is(refusal(job, candidate('m4')), 'label.zone = a: is not set')
  const alone = spec({ constraints: [{ attribute: 'zone', operator: 'unique' }] })
  assert.is(refusal(alone, candidate('m2'), ['m1']), 'zone unique: is a')
})

feasible('globs do what the regular expression would', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 })
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?', '|'), maxLength: 8 })
  fc.assert(
    fc.property(pattern, text, (glob, value) => {
      const source = glob.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')
      assert.is(matchesGlob(glob, value), new RegExp(`^(?:${source})$`).test(value))
    }),
    { numRuns: 2000 },
  )
})

feasible('a hostile glob ends', () => {
  assert.is(matchesGlob('*a'.repeat(128), 'a'.repeat(127)), false)
  assert.is(matchesGlob(`${'*a'.repeat(100)}b`, 'a'.repeat(1024)), false)
})

feasible.run()
