import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { paint, stateCell } from '../../../node/cli/colour.ts'
import { clockTime, cores, duration, memory, table } from '../../../node/cli/table.ts'

const tables = suite('table')

tables('columns are aligned and lines end where their text ends', () => {
  const rows = [
    ['web', '1'],
    ['a-longer-name', ''],
  ]
  const expected = ['NAME           N', 'web            1', 'a-longer-name', '']
  assert.is(table(['NAME', 'N'], rows), expected.join('\n'))
})

tables(
  'a cell with a colour is as wide as its text, and without a terminal it is only that',
  () => {
    const rows = [
      [stateCell('running'), 'a'],
      [stateCell('down', 'away'), 'b'],
    ]
    assert.is(table(['STATE', 'N'], rows), 'STATE    N\nrunning  a\naway     b\n')
  },
)

tables('colours for those who have them', () => {
  assert.is(paint('down', 'red', true), '\u001b[31mdown\u001b[0m')
  assert.is(paint('down', 'red', false), 'down')
  assert.is(paint('anything', undefined, true), 'anything')
  assert.is(stateCell('of a later version').colour, undefined)
})

tables('durations have at most two units', () => {
  const cases: [ms: number, text: string][] = [
    [-5, '0s'],
    [999, '0s'],
    [8000, '8s'],
    [312_000, '5m12s'],
    [3_600_000, '1h'],
    [3_605_000, '1h'],
    [273_600_000, '3d4h'],
  ]
  for (const [ms, text] of cases) assert.is(duration(ms), text)
})

tables('figures as people read them', () => {
  assert.equal([memory(64), memory(1023.7), memory(8192)], ['64Mi', '1024Mi', '8.0Gi'])
  assert.equal([cores(0), cores(100), cores(1500), cores(4000)], ['0', '0.1', '1.5', '4'])
  assert.match(clockTime(1_700_000_000_000), /^2023-11-1[45] \d\d:\d\d:20$/)
})

tables.run()
