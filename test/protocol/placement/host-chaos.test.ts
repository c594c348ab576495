/** Whatever happens to its tasks, in whatever order, a member's allocations stay within the state diagram. */
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isEnded } from '../../../protocol/placement/allocation.ts'
import { Machine, spec, task } from './machine.ts'

const chaos = suite('anything that may happen')

const reachable: { [state: string]: readonly string[] } = {
  none: ['pending', 'starting'],
  pending: ['pending', 'starting', 'stopping', 'complete', 'failed'],
  starting: ['starting', 'running', 'stopping', 'complete', 'failed'],
  running: ['running', 'stopping', 'complete', 'failed'],
  stopping: ['stopping', 'complete', 'failed'],
  complete: [],
  failed: [],
}

const acts = [
  'place',
  'succeed',
  'succeed',
  'refuse',
  'lose',
  'not-durable',
  'exit-0',
  'exit-1',
] as const
const more = ['pass', 'fail', 'stop', 'wait', 'scale', 'restart'] as const
const step = fc.record({
  act: fc.constantFrom(...acts, ...more),
  slot: fc.nat(2),
  pick: fc.nat(7),
})
type Step = { act: (typeof acts)[number] | (typeof more)[number]; slot: number; pick: number }

/** The machine, its ground truth of what runs, and the states that were seen. */
class Trial {
  machine = new Machine()
  running = new Set<string>()
  #states = new Map<string, string>()
  #placed = 0
  #lives = 1

  constructor(type: string) {
    const checks = [{ type: 'command', command: ['true'] }]
    const tasks = [task({ ports: [{ name: 'http' }], checks }), task({ name: 'sidecar' })]
    this.machine.putJob(spec({ type, tasks, restart: { attempts: 2, delay: '1s' } }))
    this.machine.start()
    this.#observe()
  }

  perform({ act, slot, pick }: Step): void {
    const { machine } = this
    if (act === 'place') {
      this.#placed += 1
      machine.place({ slot, allocation: `web.${slot}.${String(this.#placed).padStart(8, '0')}` })
    } else if (act === 'succeed') this.succeed(pick)
    else if (act === 'refuse') this.#fail(pick, 'refused', true)
    else if (act === 'lose') this.#fail(pick, 'lost', false)
    else if (act === 'not-durable') this.#fail(pick, 'not-durable', true)
    else if (act === 'exit-0' || act === 'exit-1') this.#exit(pick, act === 'exit-0' ? 0 : 1)
    else if (act === 'pass' || act === 'fail') this.#report(pick, act === 'pass')
    else if (act === 'stop') this.#stop(pick)
    else if (act === 'wait') machine.after([10, 1000, 5000, 60_000][pick % 4]!)
    else if (act === 'restart') this.#restart()
    else if (act === 'scale') {
      machine.put('job/web/count', { count: pick % 4 })
      machine.settle()
    }
    this.#observe()
  }

  /** The world does what it is asked; a start may meet what runs already. */
  succeed(pick: number): void {
    const { machine } = this
    const effect = this.#pickEffect(pick)
    if (effect === undefined) return
    if (effect.type === 'reserve-ports') {
      machine.event({ type: 'ports-reserved', id: effect.id, ports: { http: 20_000 } })
    } else if (effect.type === 'start-task') {
      const { id, allocation } = effect
      this.running.add(`${allocation} ${effect.task.name}`)
      const found = { pid: id, containerId: null }
      machine.event({ type: 'task-started', id, allocation, task: effect.task.name, ...found })
    } else if (effect.type === 'stop-task') {
      const { id, allocation, task: name } = effect
      this.running.delete(`${allocation} ${name}`)
      machine.event({ type: 'task-stopped', id, allocation, task: name, exitCode: 143 })
    }
    this.#observe()
  }

  #pickEffect(pick: number) {
    const effects = [...this.machine.unanswered.values()]
    return effects[pick % Math.max(1, effects.length)]
  }

  #fail(pick: number, code: string, definite: boolean): void {
    const effect = this.#pickEffect(pick)
    if (effect === undefined || !('id' in effect)) return
    const isDone = !definite && pick % 2 === 0
    if (isDone && effect.type === 'start-task')
      this.running.add(`${effect.allocation} ${effect.task.name}`)
    if (isDone && effect.type === 'stop-task')
      this.running.delete(`${effect.allocation} ${effect.task}`)
    this.machine.event({ type: 'effect-failed', id: effect.id, code, detail: code, definite })
  }

  #pickRunning(pick: number): [string, string] | undefined {
    const all = [...this.running]
    return all[pick % Math.max(1, all.length)]?.split(' ') as [string, string] | undefined
  }

  #exit(pick: number, exitCode: number): void {
    const [allocation, name] = this.#pickRunning(pick) ?? []
    if (allocation === undefined || name === undefined) return
    this.running.delete(`${allocation} ${name}`)
    this.machine.exited(allocation, exitCode, name)
  }

  #report(pick: number, passing: boolean): void {
    const [allocation] = this.#pickRunning(pick) ?? []
    if (allocation !== undefined) this.machine.checked(allocation, passing)
  }

  #stop(pick: number): void {
    const all = this.machine.inventory.allocationsOn('m1')
    const placed = all[pick % Math.max(1, all.length)]
    if (placed === undefined) return
    const request = { type: 'stop-request', allocation: placed.body.id, reason: 'test' } as const
    this.machine.step((out) =>
      this.machine.host.onStopRequest('m2', request, this.machine.now, out),
    )
  }

  /** The agent dies and comes back: its tasks go on, its effects under way are forgotten. */
  #restart(): void {
    const { records, now } = this.machine
    this.#lives += 1
    this.machine = new Machine({ records, now, seed: this.#lives })
    const observed = [...this.running].map((each) => {
      const [allocation, name] = each.split(' ') as [string, string]
      const facts = { running: true, pid: 1, containerId: null, exitCode: null }
      return { allocation, task: name, ports: { http: 20_000 }, ...facts }
    })
    this.machine.start(observed)
    const started = this.machine.lastEffects.filter(({ type }) => type === 'start-task')
    for (const effect of started)
      if (effect.type === 'start-task')
        assert.not(this.running.has(`${effect.allocation} ${effect.task.name}`), 'no second start')
  }

  #observe(): void {
    for (const { body } of this.machine.inventory.allocationsOn('m1')) {
      const previous = this.#states.get(body.id) ?? 'none'
      const isLegal = previous === body.state || reachable[previous]!.includes(body.state)
      assert.ok(isLegal || previous === 'none', `${body.id}: ${previous} to ${body.state}`)
      this.#states.set(body.id, body.state)
      const runs = [...this.running].some((each) => each.startsWith(`${body.id} `))
      assert.not(isEnded(body.state) && runs, `${body.id} has ended and runs`)
      assert.not(body.healthy && body.state !== 'running', `${body.id} is ${body.state}, healthy`)
    }
  }

  /** Everything is answered, until nothing is asked any more. */
  calm(): void {
    for (let i = 0; i < 500; i++) {
      if (this.machine.unanswered.size > 0) this.succeed(0)
      else if (this.#isBusy()) this.machine.toDeadline()
      else return
    }
    assert.unreachable('it never comes to rest')
  }

  #isBusy(): boolean {
    const at = this.machine.host.deadline()
    return at !== undefined && at <= this.machine.now + 120_000
  }
}

for (const type of ['service', 'batch', 'system'])
  chaos(`a ${type} stays within the diagram and ends when its job does`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const trial = new Trial(type)
        for (const each of steps) trial.perform(each as Step)
        trial.machine.deleteJob('web')
        trial.calm()
        assert.is(trial.running.size, 0, 'nothing runs')
        assert.is(trial.machine.committedCpu(), 0, 'nothing is held')
        for (const { body } of trial.machine.inventory.allocationsOn('m1'))
          assert.ok(isEnded(body.state), body.state)
      }),
      { numRuns: 300 },
    )
  })

chaos.run()
