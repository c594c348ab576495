/** When members are dialled again. The dial itself is a function that these tests answer. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Dialler } from '../../../node/network/dialler.ts'
import { limits } from '../../../protocol/limits.ts'
import { until } from './members.ts'

const dialler = suite('network/dialler')

function world(answer: (member: string) => boolean = () => true) {
  const linked = new Set<string>()
  const dialled: string[] = []
  const failed: string[] = []
  const subject: Dialler = new Dialler({
    self: 'm',
    dial: async (member) => {
      dialled.push(member)
      if (!answer(member)) throw new Error('refused')
      linked.add(member)
      subject.onLinked(member)
    },
    isLinked: (member) => linked.has(member),
    onFailed: (member) => failed.push(member),
  })
  const unlink = (member: string) => {
    linked.delete(member)
    subject.onUnlinked(member)
  }
  return { subject, linked, dialled, failed, unlink }
}

dialler('kept members are dialled, ourselves never', async () => {
  const { subject, linked, dialled } = world()
  subject.keep(['m', 'a', 'z'])
  await until('both linked', () => linked.size === 2)
  assert.equal(dialled.sort(), ['a', 'z'])
  assert.ok(subject.isKept('a'))
  assert.not(subject.isKept('m'))
  subject.keep(['z'])
  assert.not(subject.isKept('a'))
  subject.stop()
})

dialler('a member that refuses is tried again, with waits between', async () => {
  let refusals = 2
  const { subject, linked, dialled, failed } = world(() => refusals-- <= 0)
  subject.keep(['z'])
  await until('linked', () => linked.has('z'))
  assert.is(dialled.length, 3)
  assert.is(failed.length, 2)
  subject.stop()
})

dialler('while it is backed off from, nothing but a request of a user dials a member', async () => {
  const { subject, dialled } = world(() => false)
  await subject.demand('a', 'may-wait')
  assert.is(subject.demand('a', 'may-wait'), undefined)
  assert.is(dialled.length, 1)
  await subject.demand('a', 'now')
  assert.is(dialled.length, 2)
  subject.stop()
  assert.is(subject.demand('a', 'now'), undefined)
})

dialler('demands share one attempt', async () => {
  const { subject, dialled } = world()
  const [first, second] = [subject.demand('a', 'may-wait'), subject.demand('a', 'now')]
  assert.is(first, second)
  await first
  assert.equal(dialled, ['a'])
  subject.stop()
})

dialler('a kept member that hangs up at once is not dialled in a circle', async () => {
  const { subject, linked, dialled, unlink } = world()
  subject.keep(['z'])
  for (let i = 1; i <= 3; i++) {
    await until('linked', () => linked.has('z'))
    assert.is(dialled.length, i)
    unlink('z')
    assert.is(subject.demand('z', 'may-wait'), undefined)
  }
  subject.stop()
})

dialler(
  'no more members are dialled on demand than the limit, and forgotten ones make room',
  async () => {
    const { subject } = world(() => false)
    for (let i = 0; i < limits.diallingTargets; i++) await subject.demand(`a${i}`, 'may-wait')
    assert.is(subject.demand('one more', 'may-wait'), undefined)
    subject.sweep(Date.now() + 60_000)
    assert.is.not(subject.demand('one more', 'may-wait'), undefined)
    subject.stop()
  },
)

dialler.run()
