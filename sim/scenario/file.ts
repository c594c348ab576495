/**
 * Scenario files: YAML that is checked as a submitted job is, with the line of what is wrong. `FILE:LINE: REASON`
 * is all that a person needs; a stack would say where our reader stood.
 */
import { readFileSync, statSync } from 'node:fs'
import {
  type Document,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  type ParsedNode,
  parseDocument,
  stringify,
} from 'yaml'
import { check, type Issue } from '../../protocol/base/schema.ts'
import { scenarioLimits as limits } from '../limits.ts'
import { inconsistencies } from './consistency.ts'
import { type Scenario, scenarioSchema } from './shape.ts'

export class ScenarioProblem extends Error {
  constructor(file: string, line: number | undefined, reason: string) {
    super(line === undefined ? `${file}: ${reason}` : `${file}:${line}: ${reason}`)
    this.name = 'ScenarioProblem'
  }
}

/** What the command line changes before the check, so that `--members 5` cannot name a rack that is gone. */
export type Overrides = (scenario: Scenario) => Scenario

export function readScenarioFile(file: string, override: Overrides = (same) => same): Scenario {
  return parseScenario(contentOf(file), file, override)
}

export function parseScenario(
  content: string,
  file: string,
  override: Overrides = (same) => same,
): Scenario {
  const lines = new LineCounter()
  const document = parseDocument(content, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    resolveKnownTags: false,
    logLevel: 'error',
  })
  const lineAt = (offset: number) => lines.linePos(offset).line
  const fault = document.errors[0]
  if (fault !== undefined)
    throw new ScenarioProblem(file, lineAt(fault.pos[0]), fault.message.split('\n')[0]!)
  const complain = ({ path, message }: Issue) => {
    const line = lineAt(offsetOf(document, path))
    return new ScenarioProblem(file, line, path === '' ? message : `${path} ${message}`)
  }
  const checked = check(scenarioSchema, dataOf(document, file))
  if (!checked.ok) throw complain(checked.issues[0]!)
  const scenario = override(checked.value)
  const wrong = inconsistencies(scenario)[0]
  if (wrong !== undefined) throw complain(wrong)
  return scenario
}

/** As YAML that reads back as the same, without a seed: how the fuzzer writes down what it found. */
export function writeScenario(scenario: Scenario & { readonly seed?: number }): string {
  const { seed: _, ...written } = scenario
  return stringify(written, { lineWidth: 100, aliasDuplicateObjects: false })
}

function dataOf(document: Document.Parsed<ParsedNode>, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: limits.yamlAliases })
  } catch (error) {
    throw new ScenarioProblem(file, undefined, (error as Error).message)
  }
}

function contentOf(file: string): string {
  try {
    const { size } = statSync(file)
    if (size > limits.fileBytes)
      throw new ScenarioProblem(file, undefined, `is over ${limits.fileBytes} bytes`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof ScenarioProblem) throw error
    const { code } = error as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`
    throw new ScenarioProblem(file, undefined, reason)
  }
}

/** Where the field is; of one that is missing, where it should be: its parent. */
function offsetOf(document: Document.Parsed<ParsedNode>, path: string): number {
  const steps = path.split(/[.[\]]+/).filter((step) => step !== '')
  let node: unknown = document.contents
  let offset = startOf(node)
  for (const step of steps) {
    if (!isCollection(node)) break
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step)
      if (pair === undefined) break
      offset = startOf(pair.key)
      node = pair.value
    } else {
      node = node.get(Number(step), true)
      offset = startOf(node)
    }
  }
  return offset
}

function startOf(node: unknown): number {
  return (node as ParsedNode | null)?.range?.[0] ?? 0
}
