/** The command line: what is read, and what is refused with one line. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseFlags } from '../../../sim/cli/flags.ts'
import { UsageError } from '../../../sim/cli/usage.ts'

const flags = suite('sim/cli/flags')

flags('words and numbers', () => {
  const read = parseFlags(['compare', 'a', 'b', '--seed', '7', '--members', '10000', '--json'])
  assert.equal(read.words, ['compare', 'a', 'b'])
  assert.equal([read.seed, read.seeds, read.members, read.json], [7, 1, 10_000, true])
  const traced = parseFlags(['--trace', 'alibaba-gpu-2023', 'DIR', '--speed', '2.5'])
  assert.equal([traced.trace, traced.words, traced.speed], ['alibaba-gpu-2023', ['DIR'], 2.5])
})

const refused: [string[], RegExp][] = [
  [['--sed', '7'], /Unknown option '--sed'/],
  [['--seed', 'x'], /--seed: x is not a whole number/],
  [['--seed', '-1'], /seed/],
  [['--members', '0'], /--members: must be from 1 to 1000000/],
  [['--members', '1e4'], /--members: 1e4 is not a whole number/],
  [['--members'], /members/],
  [['--speed', '2'], /--speed needs --trace/],
  [['--trace', 'x', 'DIR', '--speed', '0'], /--speed: 0 is not a number above 0/],
  [['--trace', 'x', '--scenario', 'boot'], /exclude each other/],
]

for (const [args, complaint] of refused)
  flags(args.join(' '), () => {
    let message = 'it was taken'
    try {
      parseFlags(args)
    } catch (error) {
      assert.instance(error, UsageError)
      message = (error as Error).message
    }
    assert.match(message, complaint)
    assert.not.match(message, '\n')
  })

flags.run()
