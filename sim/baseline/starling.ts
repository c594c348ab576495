/**
 * The product's own placement as a packer: a walk on the placement ring, the rules of feasibility and score,
 * the spill, and the member's admission, all by the functions that the agent calls. What a steward knows of
 * a machine is what the machine last told. With `tellEvery` above 1 the tasks between two tellings are placed by
 * stewards that do not hear each other's answers: the worst that many of them can do.
 *
 * GPUs are counted in thousandths here, where the agent counts whole devices, so that the trace's shares can
 * be told to it. Whether one device has a task's share is checked by the machine, as a second step of its
 * admission. Not modelled: two stewards that decide at the same moment, messages that are lost.
 */
import type { MemberId } from '../../protocol/base/id.ts'
import { invariant } from '../../protocol/base/invariant.ts'
import { check } from '../../protocol/base/schema.ts'
import { defaultConfig } from '../../protocol/config.ts'
import { type OwnState, refusalOfSpec } from '../../protocol/placement/admission.ts'
import {
  type Candidate,
  refusalOf,
  type Wish,
  wishOf,
} from '../../protocol/placement/feasibility.ts'
import { GpuDemand } from '../../protocol/placement/gpu-demand.ts'
import { type JobSpec, jobSchema } from '../../protocol/placement/job.ts'
import type { NodeBody } from '../../protocol/placement/node-body.ts'
import { Occupancy } from '../../protocol/placement/occupancy.ts'
import { keyOfSlot } from '../../protocol/placement/placement-ring.ts'
import { noResources, type Resources } from '../../protocol/placement/resources.ts'
import { burdenOf, scoreOf } from '../../protocol/placement/score.ts'
import { Search } from '../../protocol/placement/search.ts'
import { Vacancies } from '../../protocol/placement/vacancies.ts'
import { type Demand, deviceMilli, type TraceMember } from '../trace/trace.ts'
import type { Machines } from './machines.ts'
import type { Choice, Packer } from './packing.ts'
import { ringOf } from './ring-of.ts'

export interface StarlingKnobs {
  /** Tasks between two tellings of what is free; 1 tells at once. */
  readonly tellEvery: number
  readonly candidates: number
  readonly candidatesSpilled: number
}

export const usualKnobs: StarlingKnobs = {
  tellEvery: 1,
  candidates: defaultConfig.candidates,
  candidatesSpilled: defaultConfig.candidatesSpilled,
}

export class StarlingPacker implements Packer {
  readonly #machines: Machines
  readonly #knobs: StarlingKnobs
  readonly #ring: ReturnType<typeof ringOf>
  readonly #nodes: readonly NodeBody[]
  readonly #candidates: Candidate[]
  readonly #vacancies = new Vacancies((member) => this.#candidateOf(member))
  readonly #demand = new GpuDemand()
  readonly #now = 0
  #answered: number | undefined
  /** Requests to members, and members looked at, for the cost of a decision. */
  asks = 0
  seen = 0

  constructor(machines: Machines, knobs: StarlingKnobs = usualKnobs) {
    this.#machines = machines
    this.#knobs = knobs
    this.#ring = ringOf(machines.members)
    this.#nodes = machines.members.map(nodeOf)
    this.#candidates = machines.members.map((_, i) => this.#told(i))
  }

  choose(task: Demand, sequence: number): Choice | undefined {
    this.#listen(sequence)
    const spec = specOf(`task-${sequence}`, task)
    this.#demand.note(spec.id, { spec, count: 1 })
    const declined = new Set<MemberId>()
    for (;;) {
      const machine = this.decide(spec, declined)
      if (machine === undefined) return undefined
      this.asks++
      if (this.#admits(machine, spec, task)) {
        this.#answered = machine
        return { machine }
      }
      if (this.#isFresh) this.tell(machine)
      declined.add(this.#machines.members[machine]!.name)
    }
  }

  /** To what was told since: at once by whoever took the last task, or now and then by everyone. */
  #listen(sequence: number): void {
    if (this.#isFresh) {
      if (this.#answered !== undefined) this.tell(this.#answered)
      return
    }
    if (sequence % this.#knobs.tellEvery > 0) return
    for (let i = 0; i < this.#machines.size; i++) this.tell(i)
  }

  /** What the machine has left is known from here on. */
  tell(machine: number): void {
    this.#candidates[machine] = this.#told(machine)
    this.#vacancies.note(this.#machines.members[machine]!.name)
  }

  get #isFresh(): boolean {
    return this.#knobs.tellEvery === 1
  }

  /** The steward's side: candidates, and of these the best. */
  decide(spec: JobSpec, declined: ReadonlySet<MemberId> = nobody): number | undefined {
    const wish = wishOf(spec, undefined, this.#demand.kinds())
    const occupancy = new Occupancy(spec, () => undefined)
    const search = new Search({
      ring: this.#ring.ring,
      key: keyOfSlot(spec.id, 0),
      vacancies: this.#vacancies,
      wish,
      breadth: this.#knobs,
      skips: declined.size === 0 ? undefined : (member) => declined.has(member),
      reserved: () => noResources,
      burden: (member) => burdenOf(wish, member, occupancy, 0),
      judge: (member) => this.#judge(wish, member, occupancy),
    })
    this.seen += search.seen
    return this.#ring.machines[search.bestIndex()]
  }

  #judge(wish: Wish, member: MemberId, occupancy: Occupancy): number | undefined {
    const candidate = this.#candidateOf(member)
    if (refusalOf(wish, candidate, occupancy, this.#now) !== undefined) return undefined
    return scoreOf(wish, candidate, occupancy)
  }

  #candidateOf(member: MemberId): Candidate {
    return this.#candidates[this.#ring.indexOf.get(member)!]!
  }

  /** The member's side: what it has, not what anyone thinks that it has. */
  #admits(machine: number, spec: JobSpec, task: Demand): boolean {
    const own: OwnState = {
      member: this.#machines.members[machine]!.name,
      node: this.#nodes[machine]!,
      isLeaving: false,
      isDraining: false,
      isSettled: true,
      canPersist: true,
      free: this.#free(machine),
      hostPorts: () => new Set(),
    }
    return refusalOfSpec(spec, own, this.#now) === undefined && this.#machines.fits(machine, task)
  }

  /** What the machine tells of itself: at once, or in its answer. */
  #told(machine: number): Candidate {
    const { members, share, deviceAt } = this.#machines
    const { name, devices } = members[machine]!
    const known: Candidate = {
      member: name,
      state: 'alive',
      node: this.#nodes[machine],
      draining: false,
      free: this.#free(machine),
    }
    if (devices === 0) return known
    return { ...known, devices: [...share.subarray(deviceAt[machine], deviceAt[machine + 1])] }
  }

  #free(machine: number): Resources {
    const { cpu, memory, gpu } = this.#machines
    return { cpu: cpu[machine]!, memory: memory[machine]!, disk: 0, gpu: gpu[machine]! }
  }
}

const nobody: ReadonlySet<MemberId> = new Set()

function nodeOf({ name, cpu, memory, devices, model }: TraceMember): NodeBody {
  return {
    name,
    addresses: [],
    labels: devices === 0 ? {} : { [modelLabel]: model },
    capacity: { cpu, memory, disk: 0, gpu: devices * deviceMilli },
    runtimes: ['process'],
    host: '127.0.0.1',
    version: 'sim',
    awayUntil: null,
  }
}

const modelLabel = 'gpu-model'
const template = templateOf()

function templateOf(): JobSpec {
  const tasks = [{ name: 'main', process: { command: ['true'] } }]
  const result = check(jobSchema, { id: 'task', type: 'batch', count: 1, tasks })
  invariant(result.ok, 'the template of a task is a job')
  return result.value
}

/** The task as a job of one slot; the models that will do are a constraint on a label. */
export function specOf(id: string, { cpu, memory, devices, shareMilli, models }: Demand): JobSpec {
  const resources = { cpu, memory, disk: 0, gpu: devices * shareMilli }
  const constraints: JobSpec['constraints'] =
    models.length === 0
      ? []
      : [{ attribute: modelLabel, operator: 'like', value: models.join('|') }]
  return { ...template, id, tasks: [{ ...template.tasks[0]!, resources }], constraints }
}
