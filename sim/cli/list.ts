/** `starling sim list` and `show`: what is in the library. */
import { libraryNames, readScenario, scenarioText } from '../scenario/library.ts'
import type { Flags } from './flags.ts'
import { UsageError } from './usage.ts'

export function listCommand({ json, words }: Flags): number {
  if (words.length > 1) throw new UsageError('list takes no further words')
  const scenarios = libraryNames().map((name) => readScenario(name))
  if (json) process.stdout.write(`${JSON.stringify(scenarios)}\n`)
  else {
    const width = Math.max(...scenarios.map(({ name }) => name.length))
    for (const { name, about } of scenarios)
      process.stdout.write(`${name.padEnd(width)}  ${about}\n`)
  }
  return 0
}

export function showCommand({ words }: Flags): number {
  const name = words[1]
  if (name === undefined || words.length > 2)
    throw new UsageError('show needs the name of a scenario')
  process.stdout.write(scenarioText(name))
  return 0
}
