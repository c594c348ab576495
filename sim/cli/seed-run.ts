/** One run of the command line: its scenario, and the command that repeats it. The same in a worker and without. */
import type { Overrides } from '../scenario/file.ts'
import { readScenario } from '../scenario/library.ts'
import { drawScenario, Run, type SeededScenario } from '../scenario.ts'
import type { Flags } from './flags.ts'
import type { Recorded } from './recorded.ts'

export function runOf(
  flags: Flags,
  seed: number,
  { recorded, trace }: { recorded?: Recorded | undefined; trace?: (line: string) => void },
): Run {
  return new Run(scenarioOf(flags, seed, recorded), {
    ...(trace && { trace }),
    ...(recorded && { arrivals: recorded.arrivals(), machines: recorded.machines }),
  })
}

function scenarioOf(flags: Flags, seed: number, recorded?: Recorded): SeededScenario {
  const { members, seconds } = flags
  const override: Overrides = (scenario) => ({
    ...scenario,
    ...(members !== undefined && { members: { ...scenario.members, count: members } }),
    ...(seconds !== undefined && {
      durations: { ...scenario.durations, safety: `${seconds}s` },
    }),
  })
  if (recorded !== undefined) return { ...override(recorded.scenario), seed }
  if (flags.scenario === undefined) return { ...override(drawScenario(seed)), seed }
  return { ...readScenario(flags.scenario, override), seed }
}

export function commandOf(flags: Flags, seed: number): string {
  const { scenario, members, seconds, trace, speed, words } = flags
  const parts = [
    'starling sim',
    scenario !== undefined && `--scenario ${scenario}`,
    trace !== undefined && `--trace ${trace} ${words[0]}`,
    speed !== undefined && `--speed ${speed}`,
    members !== undefined && `--members ${members}`,
    seconds !== undefined && `--seconds ${seconds}`,
    `--seed ${seed}`,
  ]
  return parts.filter(Boolean).join(' ')
}
