/** A run as a person reads it. */
import type { Outcome, SeededScenario } from './scenario.ts'

const seconds = (us: number) => `${(us / 1_000_000).toFixed(1)} s`

export function reportLine(scenario: SeededScenario, outcome: Outcome, wallMs: number): string {
  const verdict = outcome.violations.length === 0 ? 'ok    ' : 'BROKEN'
  const columns = [
    `seed ${String(scenario.seed).padStart(6)}`,
    verdict,
    `${String(scenario.members.count).padStart(4)} members`,
    `converged after ${seconds(outcome.convergedUs)}`,
    `${outcome.events} events`,
    `${(wallMs / 1000).toFixed(1)} s`,
    outcome.traceHash,
  ]
  const violations = outcome.violations.slice(0, 10).map((text) => `    ${text}\n`)
  return `${columns.join('  ')}\n${violations.join('')}`
}

export function reportTable(scenario: SeededScenario, outcome: Outcome, wallMs: number): string {
  const rows: [string, string][] = [
    ['seed', String(scenario.seed)],
    ['members', String(scenario.members.count)],
    ['simulated', seconds(outcome.simulatedUs)],
    [
      'took',
      `${(wallMs / 1000).toFixed(1)} s, ${(outcome.simulatedUs / 1000 / wallMs).toFixed(1)}× real time`,
    ],
    ['events', `${outcome.events}, ${Math.round(outcome.events / (wallMs / 1000))} a second`],
    ['all see all after', seconds(outcome.bootUs)],
    ['converged after repair', seconds(outcome.convergedUs)],
    ['writes', `${outcome.acknowledged} acknowledged, ${outcome.refused} refused`],
    ['faults', counted(outcome.faults)],
    ['messages', counted(outcome.network)],
    ['encoded', scenario.encode ? 'every message' : 'no'],
    ['trace', outcome.traceHash],
    ['promises', outcome.violations.length === 0 ? 'kept' : 'BROKEN'],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`)
  return lines.join('') + outcome.violations.map((text) => `  ${text}\n`).join('')
}

function counted(counts: { readonly [name: string]: number }): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')
}
