import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RequestProblem } from '../../../node/api/problem.ts'
import { parseYaml } from '../../../node/api/yaml.ts'

const yaml = suite('yaml')

function refusalOf(text: string): RequestProblem {
  try {
    parseYaml(text)
  } catch (error) {
    if (error instanceof RequestProblem) return error
    throw error
  }
  throw new Error(`taken: ${text.slice(0, 40)}`)
}

yaml('reads plain data', () => {
  const text =
    'id: web\ncount: 3 # three\nenv: {A: "1", on: yes}\nlist: [1, true, null, 2026-01-31]\n'
  assert.equal(parseYaml(text), {
    id: 'web',
    count: 3,
    env: { A: '1', on: 'yes' },
    list: [1, true, null, '2026-01-31'],
  })
})

yaml('reads JSON', () => {
  assert.equal(parseYaml('{"id": "web", "tasks": [{}]}'), { id: 'web', tasks: [{}] })
})

yaml('takes a few aliases', () => {
  assert.equal(parseYaml('a: &x {b: 1}\nc: *x\n'), { a: { b: 1 }, c: { b: 1 } })
})

const refused: [text: string, code: string, detail: RegExp][] = [
  ['id: [1', 'malformed', /line 1, column 7/],
  ['a: 1\n b: 2', 'malformed', /at line [12]/],
  ['a: 1\nb: 2\na: 3\n', 'malformed', /key "a" is given twice at line 3, column 1/],
  ['t:\n  - {n: 1, n: 2}\n', 'malformed', /key "n" is given twice at line 2, column 12/],
  ['a: 1\n---\nb: 2\n', 'malformed', /several YAML documents.* at line 2/],
  ['? [a, b]\n: 1\n', 'malformed', /keys must be/],
  ['a: *nowhere', 'malformed', /nowhere/],
  [`a: "${'x'.repeat(200_000)}"`, 'too-large', /128|131072/],
  ['['.repeat(60_000), 'malformed', /./],
  ['? '.repeat(60_000), 'malformed', /./],
  ['{a: '.repeat(30_000), 'malformed', /./],
]

yaml('refuses what is not data, with its place', () => {
  for (const [text, code, detail] of refused) {
    const problem = refusalOf(text)
    assert.is(problem.code, code, text.slice(0, 40))
    assert.match(problem.message, detail)
  }
})

yaml('does not expand a bomb of aliases', () => {
  const levels = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
  for (let i = 1; i < 10; i++)
    levels.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    )
  assert.match(refusalOf(levels.join('\n')).message, /aliases expand to more than 100/)
})

yaml('makes no objects of other kinds', () => {
  assert.equal(parseYaml('a: !!binary aGk='), { a: 'aGk=' })
  const value = parseYaml('__proto__: {polluted: 1}') as object
  assert.is((value as { polluted?: number }).polluted, undefined)
})

yaml.run()
