import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  allPass,
  assumedPassing,
  reported,
  restartDueAt,
  unreported,
} from '../../../protocol/placement/health.ts'
import {
  countFailure,
  neverRestart,
  restartDelayMs,
  restartPolicy,
} from '../../../protocol/placement/restart.ts'
import { spec, task } from './machine.ts'

const restart = suite('restart')
const wishes = { attempts: 3, window: '1m', delay: '1s', delayMax: '5s' }
const policy = restartPolicy(spec({ restart: wishes }))
const forEver = restartPolicy(spec({ type: 'system', restart: wishes }))
const impatient = restartPolicy(spec({ restart: { ...wishes, delay: '0s' } }))

restart('the delay doubles up to its bound, then the allocation gives up', () => {
  const table: [typeof policy, number, number | undefined][] = [
    [policy, 1, 1000],
    [policy, 2, 2000],
    [policy, 3, 4000],
    [policy, 4, undefined],
    [forEver, 4, 5000],
    [forEver, 1000, 5000],
    [impatient, 1, 100],
    [impatient, 3, 100],
    [neverRestart, 1, undefined],
  ]
  for (const [of, failures, expected] of table)
    assert.is(restartDelayMs(of, failures), expected, `${failures}`)
})

restart('only failures within the window count, and no more are kept than matter', () => {
  const now = 100_000
  assert.equal(countFailure([], policy, now), [now])
  assert.equal(countFailure([30_000, 40_000, 40_001], policy, now), [40_001, now])
  const many = Array.from({ length: 1000 }, () => now)
  assert.is(countFailure(many, policy, now).length, 4)
  assert.is(countFailure(many, forEver, now).length, 31)
})

restart.run()

const health = suite('checks')
const checkSpec = spec({
  tasks: [task({ checks: [{ type: 'command', command: ['true'], grace: '20s' }] })],
}).tasks[0]!.checks[0]!

health('a failing check asks for a restart once it has passed, or after its grace', () => {
  const table: [string, typeof unreported, number | undefined][] = [
    ['no report', unreported, undefined],
    ['passing', reported(unreported, true), undefined],
    ['failing, never passed', reported(unreported, false), 25_000],
    ['failing, passed before', reported(reported(unreported, true), false), 5000],
    ['failing after an adoption', reported(assumedPassing, false), 5000],
  ]
  for (const [name, state, dueAt] of table)
    assert.is(restartDueAt(checkSpec, state, 5000), dueAt, name)
})

health('all checks have to pass', () => {
  assert.ok(allPass([]))
  assert.ok(allPass([assumedPassing]))
  assert.not(allPass([assumedPassing, unreported]))
  assert.not(allPass([reported(assumedPassing, false)]))
})

health.run()
