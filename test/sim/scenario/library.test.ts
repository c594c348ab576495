/** The library: each scenario is sound, is named as its file, and what a drawn one is can be written as a file. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { drawScenario } from '../../../sim/scenario/draw.ts'
import { parseScenario, writeScenario } from '../../../sim/scenario/file.ts'
import { libraryNames, readScenario } from '../../../sim/scenario/library.ts'

const library = suite('sim/scenario/library')

/** What the library must be able to ask. */
const themes = [
  'boot',
  'churn',
  'clock-jump',
  'disk-full',
  'drain-third',
  'flapping-links',
  'job-storm',
  'message-flood',
  'one-way-loss',
  'rack-loss',
  'region-loss',
  'rolling-upgrade',
  'scale-tenfold',
  'slow-nodes',
  'split-brain',
  'thundering-restart',
]

library('has each theme', () => {
  const names = libraryNames()
  assert.equal(
    themes.filter((theme) => !names.includes(theme)),
    [],
  )
})

for (const name of libraryNames())
  library(name, () => {
    const scenario = readScenario(name)
    assert.is(scenario.name, name)
    assert.ok(scenario.expect.length > 0)
    const larger = readScenario(name, (read) => ({
      ...read,
      members: { ...read.members, count: 10_000 },
    }))
    assert.is(larger.members.count, 10_000)
  })

library('drawn scenarios are written as files that read back as the same', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const drawn = drawScenario(seed)
    const read = parseScenario(writeScenario(drawn), `${seed}.yaml`)
    assert.equal({ ...read, seed }, drawn)
  }
})

library('another name is told with the way to find one', () => {
  assert.throws(() => readScenario('earthquake'), /earthquake: there is no such scenario/)
})

library.run()
