import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { remembered } from '../../../protocol/base/remembered.ts'

const memory = suite('base/remembered')

memory('is made once of each object, and again for other arguments', () => {
  const made: string[] = []
  const spell = remembered(({ name }: { name: string }, times: number, end: string | undefined) => {
    made.push(name)
    return name.repeat(times) + (end ?? '')
  })
  const [a, b] = [{ name: 'a' }, { name: 'b' }]
  assert.equal(
    [spell(a, 2, undefined), spell(b, 1, '.'), spell(a, 2, undefined)],
    ['aa', 'b.', 'aa'],
  )
  assert.equal(made, ['a', 'b'])
  assert.is(spell(a, 2, '!'), 'aa!')
  assert.is(spell(a, 2, undefined), 'aa')
  assert.equal(made, ['a', 'b', 'a', 'a'])
})

memory('of an object alone, also where nothing came of it', () => {
  let times = 0
  const nothing = remembered((_: object): undefined => {
    times++
  })
  const one = {}
  assert.equal([nothing(one), nothing(one)], [undefined, undefined])
  assert.is(times, 1)
})

memory.run()
