import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { allocationKey } from '../../../protocol/placement/allocation.ts'
import type { PlaceRequest } from '../../../protocol/placement/message.ts'
import { Machine, node, spec, task } from './machine.ts'

const admission = suite('admission')

interface Case {
  job?: { [field: string]: unknown }
  request?: Partial<PlaceRequest>
  prepare?: (machine: Machine) => void
  reason: string | null
}

const cases: { [name: string]: Case } = {
  'what fits is taken': { reason: null },
  'a job that is not known': { request: { job: 'other' }, reason: 'job is not known here yet' },
  'a version that is not known': {
    request: { version: '9-00000000', essence: 'other' },
    reason: 'job is not known here yet',
  },
  'a slot past the count': { request: { slot: 3 }, reason: 'slot 3 is over the count of 3' },
  'an allocation of another name': {
    request: { allocation: 'web.1.00000000' },
    reason: 'the allocation has the name of another slot',
  },
  'a name that would break the key': {
    request: { allocation: 'web.0.000/0000' },
    reason: 'the allocation has the name of another slot',
  },
  'a runtime that is not here': {
    job: { tasks: [{ name: 'server', docker: { image: 'nginx' } }] },
    reason: 'runtime: has no docker',
  },
  'too little memory': {
    job: { tasks: [task({ resources: { cpu: 1, memory: 1001 } })] },
    reason: 'memory: needs 1001, 1000 free',
  },
  'the sum of the tasks counts': {
    job: { tasks: ['a', 'b'].map((name) => task({ name, resources: { cpu: 501 } })) },
    reason: 'cpu: needs 1002, 1000 free',
  },
  'a constraint on a label': {
    job: { constraints: [{ attribute: 'zone', operator: '=', value: 'b' }] },
    reason: 'zone = b: is a',
  },
  'a constraint on the other slots is for the steward': {
    job: { constraints: [{ attribute: 'rack', operator: 'unique' }] },
    reason: null,
  },
  'a draining node': {
    prepare: (machine) => machine.put('drain/m1', { draining: true }),
    reason: 'draining',
  },
  'a node that leaves': {
    prepare: (machine) => machine.step((out) => machine.host.leave(false, machine.now, out)),
    reason: 'leaving',
  },
  'a node that leaves and keeps its tasks': {
    prepare: (machine) => machine.step((out) => machine.host.leave(true, machine.now, out)),
    reason: 'leaving',
  },
  'a disk that refuses writes': {
    prepare: (machine) => {
      machine.canPersist = false
    },
    reason: 'cannot write to its disk',
  },
  'a fixed port that another allocation has': {
    job: { tasks: [task({ ports: [{ name: 'http', host: 8080 }] })] },
    prepare: (machine) => machine.place({ slot: 1 }),
    reason: 'port 8080: is taken by another allocation',
  },
  'a system job': {
    job: { type: 'system', constraints: [{ attribute: 'zone', operator: '=', value: 'b' }] },
    reason: 'a system job is placed by each node for itself',
  },
}

for (const [name, { job, request, prepare, reason }] of Object.entries(cases))
  admission(name, () => {
    const machine = new Machine()
    machine.putJob(spec(job))
    machine.start()
    prepare?.(machine)
    machine.settle()
    const response = machine.place({ allocation: `web.${request?.slot ?? 0}.0a1b2c3d`, ...request })
    assert.is(response.reason, reason)
    assert.is(response.allocation === null, reason !== null)
    assert.is(response.records.length, reason === null ? 1 : 0)
  })

admission('nothing is taken before it is known what runs', () => {
  const machine = new Machine()
  machine.putJob(spec())
  machine.host.start(machine.now, [])
  assert.is(machine.place().reason, 'still looking for the tasks of an earlier agent')
})

admission('the answer carries the record and what is left', () => {
  const machine = new Machine()
  machine.putJob(spec())
  machine.start()
  const { allocation, records, availability } = machine.place()
  assert.is(records[0], machine.records.get(allocationKey('m1', allocation!)))
  assert.equal(availability!.committed, { cpu: 100, memory: 100, disk: 0, gpu: 0 })
  const { availability: later } = machine.place({ slot: 1 })
  assert.ok(later!.counter > availability!.counter)
})

admission('two stewards that ask for one slot get the same allocation', () => {
  const machine = new Machine()
  machine.putJob(spec())
  machine.start()
  const first = machine.place({ allocation: 'web.0.aaaaaaaa' })
  const second = machine.place({ allocation: 'web.0.bbbbbbbb' })
  const again = machine.place({ allocation: 'web.0.aaaaaaaa' })
  assert.is(second.allocation, 'web.0.aaaaaaaa')
  assert.is(again.allocation, first.allocation)
  assert.is(machine.committedCpu(), 100)
})

admission('a late copy of a request does not run the slot again', () => {
  const machine = new Machine()
  machine.putJob(spec({ restart: { attempts: 0 } }))
  machine.start()
  const id = machine.run()
  machine.exited(id, 1)
  assert.is(machine.place().reason, 'that allocation has ended')
})

admission('the work of a batch slot is not done twice', () => {
  const machine = new Machine()
  machine.putJob(spec({ type: 'batch' }))
  machine.start()
  const id = machine.run()
  machine.exited(id, 0)
  const response = machine.place({ allocation: 'web.0.bbbbbbbb' })
  assert.is(response.allocation, id)
  assert.is(response.records.length, 1)
})

admission('a replacement counts beside what it replaces', () => {
  const machine = new Machine({
    node: node({ capacity: { cpu: 250, memory: 999, disk: 0, gpu: 0 } }),
  })
  machine.putJob(spec())
  machine.start()
  const old = machine.run()
  machine.putJob(spec({ tasks: [task({ env: { NEW: '1' } })] }), 2)
  const replacement = { allocation: 'web.0.bbbbbbbb', replaces: old }
  assert.is(machine.place(replacement).allocation, 'web.0.bbbbbbbb')
  assert.is(machine.committedCpu(), 200)
  assert.is(machine.place({ slot: 1 }).reason, 'cpu: needs 100, 50 free')
})

admission('what is asked to replace itself is not its own replacement', () => {
  const machine = new Machine()
  machine.putJob(spec())
  machine.start()
  const old = machine.run()
  const { allocation } = machine.place({ allocation: 'web.0.bbbbbbbb', replaces: old })
  assert.is(allocation, 'web.0.bbbbbbbb')
})

admission('whatever is asked for, no node is ever over its capacity', () => {
  const capacity = { cpu: 1000, memory: 700, disk: 0, gpu: 0 }
  const asked = fc.record({
    job: fc.constantFrom('a', 'b', 'c'),
    slot: fc.nat(9),
    suffix: fc.nat(3),
    act: fc.constantFrom('place', 'place', 'place', 'stop', 'exit', 'answer', 'fail', 'wait'),
  })
  fc.assert(
    fc.property(fc.array(asked, { maxLength: 60 }), (steps) => {
      const machine = new Machine({ node: node({ capacity }) })
      const sizes = {
        a: { cpu: 90, memory: 200 },
        b: { cpu: 400, memory: 10 },
        c: { cpu: 1, memory: 1 },
      }
      for (const [id, resources] of Object.entries(sizes))
        machine.putJob(spec({ id, count: 10, tasks: [task({ resources })] }))
      machine.start()
      for (const { job, slot, suffix, act } of steps) {
        const id = `${job}.${slot}.0000000${suffix}`
        if (act === 'place') machine.place({ job, slot, allocation: id })
        else if (act === 'stop') {
          const request = { type: 'stop-request', allocation: id, reason: 'test' } as const
          machine.step((out) => machine.host.onStopRequest('m2', request, machine.now, out))
        } else if (act === 'exit') machine.exited(id, slot % 2)
        else if (act === 'wait') machine.after(2000)
        else answerFirst(machine, act === 'fail')
        assertWithin(machine, capacity)
      }
    }),
    { numRuns: 200 },
  )
})

/** The records and the tasks that may run both fit. */
function assertWithin(machine: Machine, capacity: { cpu: number; memory: number }): void {
  const { committed } = machine.host.availability(machine.now)
  const live = [...machine.records].flatMap(([key, { body }]) => {
    const { state, resources } = (body ?? {}) as { state?: string; resources?: typeof capacity }
    const isCounted = key.startsWith('alloc/') && state !== 'complete' && state !== 'failed'
    return isCounted && resources ? [resources] : []
  })
  for (const name of ['cpu', 'memory'] as const) {
    const sum = live.reduce((total, resources) => total + resources[name], 0)
    assert.is(committed[name], sum)
    assert.ok(sum <= capacity[name], `${name}: ${sum}`)
  }
}

function answerFirst(machine: Machine, fails: boolean): void {
  const [first] = machine.unanswered.values()
  if (first?.type !== 'start-task' && first?.type !== 'stop-task') return
  const { id, allocation } = first
  if (fails)
    machine.event({ type: 'effect-failed', id, code: 'x', detail: 'x', definite: id % 2 === 0 })
  else if (first.type === 'start-task') machine.started(allocation)
  else machine.stopped(allocation)
}

admission.run()
