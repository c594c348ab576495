/** Scenario files: YAML that is checked as a submitted job is, with the line of what is wrong. */
import { stringify } from 'yaml'
import { check } from '../../protocol/base/schema.ts'
import { FileProblem } from '../file-problem.ts'
import { scenarioLimits as limits } from '../limits.ts'
import { contentOf, type ProblemAt, parseYamlFile } from '../yaml-file.ts'
import { inconsistencies } from './consistency.ts'
import { type Scenario, scenarioSchema } from './shape.ts'

export class ScenarioProblem extends FileProblem {
  constructor(file: string, line: number | undefined, reason: string) {
    super(file, reason, line)
    this.name = 'ScenarioProblem'
  }
}

/** What the command line changes before the check, so that `--members 5` cannot name a rack that is gone. */
export type Overrides = (scenario: Scenario) => Scenario

export function readScenarioFile(file: string, override: Overrides = (same) => same): Scenario {
  return parseScenario(contentOf(file, limits.fileBytes, problemOf(file)), file, override)
}

export function parseScenario(
  content: string,
  file: string,
  override: Overrides = (same) => same,
): Scenario {
  const { data, complaint } = parseYamlFile(content, problemOf(file))
  const checked = check(scenarioSchema, data)
  if (!checked.ok) throw complaint(checked.issues[0]!)
  const scenario = override(checked.value)
  const wrong = inconsistencies(scenario)[0]
  if (wrong !== undefined) throw complaint(wrong)
  return scenario
}

/** As YAML that reads back as the same, without a seed: how the fuzzer writes down what it found. */
export function writeScenario(scenario: Scenario & { readonly seed?: number }): string {
  const { seed: _, ...written } = scenario
  return stringify(written, { lineWidth: 100, aliasDuplicateObjects: false })
}

function problemOf(file: string): ProblemAt {
  return (line, reason) => new ScenarioProblem(file, line, reason)
}
