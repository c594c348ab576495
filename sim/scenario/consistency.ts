/**
 * What a well-formed scenario may still get wrong: a rack that is not there, a fault after the end, an expectation
 * that nothing can meet. Each issue has the path of the field, as those of the schema have.
 */
import type { Issue } from '../../protocol/base/schema.ts'
import { Topology } from '../topology.ts'
import { contradiction, parseExpectation } from './expectation.ts'
import type { FaultShape, Target } from './fault-shape.ts'
import { measures } from './measure.ts'
import { countRange, durationUs } from './quantity.ts'
import type { Scenario } from './shape.ts'

export function inconsistencies(scenario: Scenario): Issue[] {
  const topology = new Topology(scenario.members)
  return [
    ...linkIssues(scenario),
    ...scenario.faults.flatMap((fault, i) =>
      faultIssues(scenario, topology, fault, `faults[${i}]`),
    ),
    ...workloadIssues(scenario),
    ...expectationIssues(scenario),
  ]
}

function linkIssues({ members, links }: Scenario): Issue[] {
  const { betweenRegions } = links
  if (betweenRegions === undefined || members.regions.length > 1) return []
  return [{ path: 'links.betweenRegions', message: 'there is only one region' }]
}

function faultIssues(
  scenario: Scenario,
  topology: Topology,
  fault: FaultShape,
  path: string,
): Issue[] {
  const issues: Issue[] = []
  const safetyUs = durationUs(scenario.durations.safety)
  if (durationUs(fault.at) >= safetyUs)
    issues.push({
      path: `${path}.at`,
      message: `is not before the end of the safety phase, ${scenario.durations.safety}`,
    })
  if ('target' in fault)
    issues.push(...targetIssues(scenario, topology, fault.target, `${path}.target`))
  if ('other' in fault && fault.other !== undefined)
    issues.push(...targetIssues(scenario, topology, fault.other, `${path}.other`))
  return issues
}

function targetIssues(
  { members }: Scenario,
  topology: Topology,
  target: Target,
  path: string,
): Issue[] {
  const issues: Issue[] = []
  const complain = (field: string, message: string) =>
    issues.push({ path: `${path}.${field}`, message })
  target.members?.forEach((name, i) => {
    if (Number(name.slice(1)) >= members.count)
      complain(`members[${i}]`, `there is no ${name}: members are n0 … n${members.count - 1}`)
  })
  if (target.count !== undefined && countRange(target.count).max > members.count)
    complain('count', `there are only ${members.count} members`)
  if (target.rack !== undefined && !topology.rackNames.includes(target.rack))
    complain('rack', `there is no rack ${target.rack}${rackHint(topology, target.rack)}`)
  if ((target.racks ?? 0) > topology.rackNames.length)
    complain('racks', `there are only ${topology.rackNames.length} racks`)
  if (target.region !== undefined) {
    const names = topology.regions.map((region) => region.name)
    if (!names.includes(target.region))
      complain('region', `there is no region ${target.region}; known: ${names.join(', ')}`)
  }
  if ((target.regions ?? 0) > topology.regions.length)
    complain('regions', `there are only ${topology.regions.length} regions`)
  if (target.class !== undefined) {
    const names = topology.classes.map((each) => each.name)
    if (!names.includes(target.class))
      complain('class', `there is no class ${target.class}; known: ${names.join(', ')}`)
  }
  return issues
}

function rackHint({ rackNames }: Topology, rack: string): string {
  const region = rack.slice(0, rack.indexOf('/') + 1)
  const racks = rackNames.filter((name) => name.startsWith(region))
  return racks.length === 0 ? '' : `: there are ${racks[0]} to ${racks.length}`
}

function workloadIssues({ workload, durations }: Scenario): Issue[] {
  return workload.flatMap((entry, i) =>
    durationUs(entry.at) < durationUs(durations.safety)
      ? []
      : [
          {
            path: `workload[${i}].at`,
            message: `is not before the end of the safety phase, ${durations.safety}`,
          },
        ],
  )
}

const deadly = ['kill-agent', 'power-off', 'destroy']

function expectationIssues(scenario: Scenario): Issue[] {
  const issues: Issue[] = []
  const parsed = scenario.expect.map((text, i) => {
    const expectation = parseExpectation(text)
    const path = `expect[${i}]`
    if ('reason' in expectation) {
      issues.push({ path, message: expectation.reason })
      return undefined
    }
    const { measure } = expectation
    const dies = scenario.faults.some(({ fault }) => deadly.includes(fault))
    if (measure.startsWith('detection.') && !dies)
      issues.push({ path, message: 'nothing dies in this scenario' })
    const { about } = measures[measure]
    if (about.startsWith('wanted slots') && scenario.workload.length === 0)
      issues.push({ path, message: 'nothing is wanted to run in this scenario' })
    return expectation
  })
  if (issues.length > 0) return issues
  const pair = contradiction(parsed.filter((each) => each !== undefined))
  if (pair === undefined) return []
  const [first, second] = pair.map((index) => scenario.expect[index])
  return [
    { path: `expect[${pair[1]}]`, message: `no run can meet both "${first}" and "${second}"` },
  ]
}
