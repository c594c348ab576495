/** The scenarios that come with the simulator: the files in library/, by their name. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Overrides, readScenarioFile, ScenarioProblem } from './file.ts'
import type { Scenario } from './shape.ts'

const folder = fileURLToPath(new URL('./library/', import.meta.url))
const extension = '.yaml'

export function libraryNames(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(extension))
    .map((name) => name.slice(0, -extension.length))
    .sort()
}

/** A name of the library, or a file: what has a slash or ends in .yaml. */
export function readScenario(name: string, override?: Overrides): Scenario {
  return readScenarioFile(pathOf(name), override)
}

export function scenarioText(name: string): string {
  return readFileSync(pathOf(name), 'utf8')
}

function pathOf(name: string): string {
  if (name.includes('/') || /\.ya?ml$/.test(name)) return name
  if (libraryNames().includes(name)) return `${folder}${name}${extension}`
  throw new ScenarioProblem(
    name,
    undefined,
    'there is no such scenario; `starling sim list` has them',
  )
}
