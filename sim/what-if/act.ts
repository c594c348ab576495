/** What-ifs: what may be done to the members of a snapshot, one after the other. */
import { unreachable } from '../../protocol/base/invariant.ts'
import type { JobSpec } from '../../protocol/placement/job.ts'
import type { NodeBody } from '../../protocol/placement/node-body.ts'
import type { Resources } from '../../protocol/placement/resources.ts'
import type { Command, Problem, Reply } from '../../protocol/request.ts'
import type { Host } from '../host.ts'
import { simulatedNode } from '../host-init.ts'
import type { Simulator } from '../simulator.ts'
import { makeReliable } from './stage.ts'

export type Act =
  /** The agents and their tasks end at once, as by `kill -9`; their machines reset the connections. */
  | { readonly type: 'kill'; readonly nodes: readonly string[] }
  /** The machines are silent from now on. */
  | { readonly type: 'power-off'; readonly nodes: readonly string[] }
  | { readonly type: 'drain'; readonly nodes: readonly string[] }
  | { readonly type: 'add'; readonly count: number; readonly machine: Machine }
  | { readonly type: 'scale'; readonly job: string; readonly count: number }
  | { readonly type: 'stop'; readonly job: string }
  | { readonly type: 'deploy'; readonly file: string; readonly spec: JobSpec }

export interface Machine {
  readonly capacity: Resources
  readonly labels: { readonly [key: string]: string }
}

/** As it is told: the options of the command line. */
export function describeAct(act: Act): string {
  switch (act.type) {
    case 'kill':
    case 'power-off':
    case 'drain':
      return `${act.type} ${act.nodes.join(', ')}`
    case 'add':
      return `add ${act.count} ${act.count === 1 ? 'node' : 'nodes'}`
    case 'scale':
      return `scale ${act.job} to ${act.count}`
    case 'stop':
      return `stop ${act.job}`
    case 'deploy':
      return `deploy ${act.spec.id}`
    default:
      return unreachable(act)
  }
}

/** The agent that was asked has refused it. */
export class ActRefused extends Error {
  constructor(act: Act, { detail, issues = [] }: Problem) {
    const first = issues[0]
    super(`${describeAct(act)}: ${first ? `${first.path} ${first.message}` : detail}`)
    this.name = 'ActRefused'
  }
}

export function perform(act: Act, simulator: Simulator): void {
  switch (act.type) {
    case 'kill':
      for (const host of hostsNamed(act.nodes, simulator)) {
        host.killAgent()
        host.runtime.clear()
      }
      return
    case 'power-off':
      for (const host of hostsNamed(act.nodes, simulator)) host.powerOff()
      return
    case 'drain':
      for (const { id } of hostsNamed(act.nodes, simulator))
        ask(act, simulator, { type: 'drain-node', member: id, draining: true, copies: null })
      return
    case 'add':
      return addNodes(simulator, act.count, act.machine)
    case 'scale': {
      const { job, count } = act
      return ask(act, simulator, { type: 'scale-job', job, count, ...unconditional })
    }
    case 'stop':
      return ask(act, simulator, { type: 'delete-job', job: act.job, ...unconditional })
    case 'deploy': {
      const { spec } = act
      return ask(act, simulator, { type: 'submit-job', spec, mode: 'upsert', ...unconditional })
    }
    default:
      return unreachable(act)
  }
}

const unconditional = { ifMatch: null, copies: null }
/** A write waits for a copy for some seconds at the most. */
const answerUs = 30_000_000
const answerStepUs = 1000

function ask(act: Act, simulator: Simulator, command: Command): void {
  const host = simulator.up()[0]!
  let answer: Reply | undefined
  host.request(command, (reply) => {
    answer = reply
  })
  simulator.runUntil(() => answer !== undefined, answerUs, answerStepUs)
  // Written here, and not copied: there may be nobody else.
  if (answer?.ok === false && answer.problem.code !== 'too-few-copies')
    throw new ActRefused(act, answer.problem)
}

/** By name or id, of those that are up. */
export function hostsNamed(names: readonly string[], simulator: Simulator): Host[] {
  return names.flatMap((name) =>
    simulator.up().filter((host) => host.name === name || host.id === name),
  )
}

function addNodes(simulator: Simulator, count: number, machine: Machine): void {
  const seeds = simulator.up().slice(0, 3)
  for (let i = 0; i < count; i++) {
    const name = newName(simulator)
    const id = `what-if-${name}`
    const node: NodeBody = {
      ...simulatedNode({ name, ...machine }),
      runtimes: ['process', 'docker'],
    }
    const host = simulator.addHost({ id, node, starts: 0 })
    makeReliable(host)
    host.start(seeds)
  }
}

function newName({ hosts }: Simulator): string {
  const taken = new Set(hosts.map(({ name }) => name))
  for (let i = 1; ; i++) if (!taken.has(`new${i}`)) return `new${i}`
}
