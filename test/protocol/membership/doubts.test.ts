/** Who is asked about a subject that does not answer, what their words are worth, and who is told otherwise. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MemberId } from '../../../protocol/base/id.ts'
import { defaultConfig } from '../../../protocol/config.ts'
import type { Effect } from '../../../protocol/effect.ts'
import { Doubts } from '../../../protocol/membership/doubts.ts'

const doubts = suite('membership/doubts')
const { suspicionMinMs, suspicionMaxMs, probeTimeoutMs } = defaultConfig

/** `me` watches `s`, as do the `observers`; to all in `linked` it has links. */
class Bed {
  observers: MemberId[]
  readonly linked: Set<MemberId>
  readonly cutOff = new Set<MemberId>()
  readonly dead: number[] = []
  readonly doubts: Doubts
  #out: Effect[] = []

  constructor(observers: string, linked: string) {
    this.observers = [...observers]
    this.linked = new Set(linked)
    this.doubts = new Doubts(
      { config: defaultConfig, self: 'me' },
      {
        otherObservers: () => this.observers,
        isLinked: (member) => this.linked.has(member),
        isCutOff: (member) => this.cutOff.has(member),
        incarnationOf: () => 1,
        probeTimeoutMs: () => probeTimeoutMs,
        onUnanswered: () => {},
        onSuspected: () => {},
        onCleared: () => {},
        onDead: (_subject, _incarnation, now) => this.dead.push(now),
      },
    )
  }

  /** What is said by it: `a? b?` asks, `a!` suspects, `a+` and `a-` report. */
  saying(act: (out: Effect[]) => void): string {
    this.#out = []
    act(this.#out)
    return this.#out.map(textOf).join(' ')
  }

  ask(now: number, atOnce = false): string {
    return this.saying((out) => this.doubts.ask('s', { atOnce }, now, out))
  }

  confirm(from: MemberId): string {
    return this.saying((out) => this.doubts.confirm(from, 's', out))
  }

  pass(now: number): string {
    return this.saying((out) => this.doubts.onDeadlines(now, out))
  }
}

function textOf(effect: Effect): string {
  if (effect.type !== 'send') return effect.type
  const { message } = effect
  if (message.type === 'probe-request') return `${effect.to}?`
  if (message.type === 'suspect') return `${effect.to}!`
  if (message.type === 'probe-report') return `${effect.to}${message.reached ? '+' : '-'}`
  return message.type
}

doubts(
  'all other observers are asked, those without a link too; if the link closed, one at most',
  () => {
    assert.is(new Bed('abcde', 's').ask(0), 'a? b? c? d? e?')
    assert.is(new Bed('abcde', 'bd').ask(0, true), 'b? d?')
    assert.is(new Bed('abcde', '').ask(0, true), 'a?')
  },
)

doubts(
  'with enough confirmations the doubt lasts its least time, counted from the failed probe',
  () => {
    const bed = new Bed('abcde', 's')
    bed.ask(0)
    assert.is(bed.confirm('a'), '')
    assert.is(bed.confirm('x'), '')
    assert.is(bed.confirm('b'), '')
    assert.not(bed.doubts.isSuspect('s'))
    assert.is(bed.confirm('c'), 's! a! b! c! d! e!')
    assert.ok(bed.doubts.isSuspect('s'))
    bed.pass(suspicionMinMs - 1)
    assert.equal(bed.dead, [])
    bed.pass(suspicionMinMs + 200)
    assert.is(bed.dead.length, 1)
  },
)

doubts('with no confirmation at all it lasts its longest', () => {
  const bed = new Bed('abcde', 's')
  bed.ask(0)
  assert.is(bed.pass(2 * probeTimeoutMs), 's! a! b! c! d! e!')
  bed.pass(suspicionMaxMs - 1)
  assert.equal(bed.dead, [])
  bed.pass(suspicionMaxMs + 200)
  assert.is(bed.dead.length, 1)
})

doubts('the word of one that reaches it ends all', () => {
  const bed = new Bed('abcde', 's')
  bed.ask(0)
  for (const each of 'abc') bed.confirm(each)
  bed.doubts.clear('s')
  assert.not(bed.doubts.has('s'))
  bed.pass(suspicionMaxMs)
  assert.equal(bed.dead, [])
})

doubts('whoever was told that the subject is not reached is told, once, when it is heard', () => {
  const bed = new Bed('abcde', 's')
  assert.is(
    bed.saying((out) => bed.doubts.report('a', 's', false, out)),
    'a-',
  )
  assert.is(
    bed.saying((out) => bed.doubts.onHeard('s', out)),
    'a+',
  )
  assert.is(
    bed.saying((out) => bed.doubts.onHeard('s', out)),
    '',
  )
})

doubts('an observer that died is replaced by its successor, who is asked', () => {
  const bed = new Bed('abc', 's')
  assert.is(bed.ask(0), 'a? b? c?')
  bed.confirm('a')
  bed.confirm('b')
  bed.observers = ['a', 'b', 'd']
  assert.is(
    bed.saying((out) => bed.doubts.review(out)),
    'd?',
  )
  assert.is(bed.confirm('d'), 's! a! b! c! d!')
})

doubts('observers whose links have closed are not waited for', () => {
  const bed = new Bed('abc', 'sabc')
  bed.ask(0)
  bed.confirm('a')
  bed.cutOff.add('b')
  bed.cutOff.add('c')
  assert.is(
    bed.saying((out) => bed.doubts.review(out)),
    's! a! b! c!',
  )
  bed.pass(suspicionMinMs + 200)
  assert.is(bed.dead.length, 1)
})

doubts('a subject without a link to us: only observers that have one are waited for', () => {
  const bed = new Bed('abc', '')
  bed.ask(0)
  assert.is(bed.confirm('a'), 's! a! b! c!')
  bed.pass(suspicionMinMs + 200)
  assert.is(bed.dead.length, 1)
})

doubts.run()
