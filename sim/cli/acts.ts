/** The what-ifs of a command line, in their order; what is wrong with one is a UsageError of one line. */
import type { Snapshot } from '../../protocol/snapshot.ts'
import { whatIfLimits as limits } from '../limits.ts'
import type { Act, Machine } from '../what-if/act.ts'
import { readJobFile } from '../what-if/job-file.ts'
import { nodeBodies } from '../what-if/stage.ts'
import { UsageError } from './usage.ts'

export const actNames = ['kill', 'power-off', 'drain', 'add', 'scale', 'stop', 'deploy'] as const
export type ActName = (typeof actNames)[number]

/** `--kill n3` as it was given. */
export interface ActWords {
  readonly name: ActName
  readonly value: string
}

export function isActName(name: string): name is ActName {
  return (actNames as readonly string[]).includes(name)
}

export function parseAct({ name, value }: ActWords): Act {
  switch (name) {
    case 'kill':
    case 'power-off':
    case 'drain':
      return { type: name, nodes: namesOf(name, value) }
    case 'add':
      return parseAdd(value)
    case 'scale':
      return parseScale(value)
    case 'stop':
      return { type: 'stop', job: value }
    case 'deploy':
      return { type: 'deploy', file: value, spec: readJobFile(value) }
  }
}

function namesOf(option: string, value: string): string[] {
  const names = value.split(',')
  if (names.includes('')) throw new UsageError(`--${option}: ${value} names no node somewhere`)
  if (new Set(names).size < names.length)
    throw new UsageError(`--${option}: ${value} names a node twice`)
  return names
}

function parseScale(value: string): Act {
  const [, job, count] = /^([^=]+)=([0-9]{1,5})$/.exec(value) ?? []
  if (job === undefined) throw new UsageError(`--scale: ${value} is not JOB=COUNT`)
  return { type: 'scale', job, count: Number(count) }
}

const sizes = ['cpu', 'memory', 'disk', 'gpu'] as const
/** What a machine has that nobody said: no GPU, and a disk that is no hindrance. */
const usual = { disk: 1_000_000, gpu: 0 }

/** `5:cpu=16000,memory=65536,zone=a`. */
function parseAdd(value: string): Act {
  const [, count, fields] = /^([0-9]{1,6}):(.+)$/.exec(value) ?? []
  if (count === undefined || fields === undefined)
    throw new UsageError(`--add: ${value} is not COUNT:cpu=MILLICORES,memory=MIB[,…]`)
  if (Number(count) < 1 || Number(count) > limits.added)
    throw new UsageError(`--add: the count must be from 1 to ${limits.added}`)
  return { type: 'add', count: Number(count), machine: parseMachine(fields) }
}

function parseMachine(fields: string): Machine {
  const given: { [size: string]: number } = {}
  const labels: { [key: string]: string } = {}
  for (const field of fields.split(',')) {
    const [, key, value] = /^([\w./-]{1,63})=(.{1,256})$/.exec(field) ?? []
    if (key === undefined || value === undefined)
      throw new UsageError(`--add: ${field} is not KEY=VALUE`)
    if (!(sizes as readonly string[]).includes(key)) labels[key] = value
    else if (/^[0-9]{1,10}$/.test(value)) given[key] = Number(value)
    else throw new UsageError(`--add: ${key} must be a whole number, not ${value}`)
  }
  const { cpu, memory, disk = usual.disk, gpu = usual.gpu } = given
  if (cpu === undefined || memory === undefined)
    throw new UsageError('--add: cpu (millicores) and memory (MiB) are needed')
  return { capacity: { cpu, memory, disk, gpu }, labels }
}

/** Whether the snapshot has what they name, at their turn. */
export function checkActs(acts: readonly Act[], snapshot: Snapshot, file: string): void {
  const nodes = new Known('node', nodeNames(snapshot), file)
  const jobs = new Known('job', jobIds(snapshot), file)
  for (const act of acts) {
    if ('nodes' in act)
      for (const name of act.nodes) {
        nodes.check(act.type, name)
        if (act.type !== 'drain') nodes.remove(name)
      }
    if (act.type === 'add') nodes.addNew(act.count)
    if (act.type === 'deploy') jobs.add(act.spec.id)
    if (act.type === 'scale' || act.type === 'stop') jobs.check(act.type, act.job)
    if (act.type === 'stop') jobs.remove(act.job)
  }
}

/** More than fit into a line. */
const toldMax = 10

class Known {
  readonly #kind: string
  readonly #file: string
  /** Names of each, the one to tell first, the one that is its own alone last. */
  #all: readonly (readonly string[])[]

  constructor(kind: string, all: readonly (readonly string[])[], file: string) {
    this.#kind = kind
    this.#all = all
    this.#file = file
  }

  add(name: string): void {
    if (!this.#has(name)) this.#all = [...this.#all, [name]]
  }

  addNew(count: number): void {
    let left = count
    for (let i = 1; left > 0; i++) {
      if (this.#has(`new${i}`)) continue
      this.add(`new${i}`)
      left--
    }
  }

  remove(name: string): void {
    this.#all = this.#all.filter((names) => !names.includes(name))
  }

  check(option: string, name: string): void {
    const meant = this.#all.filter((names) => names.includes(name))
    if (meant.length === 1) return
    const ids = meant.map((names) => names.at(-1)).join(', ')
    const reason =
      meant.length === 0
        ? `there is no ${this.#kind} ${name} in ${this.#file}; ${this.#told()}`
        : `${meant.length} nodes are named ${name}; give one by its id: ${ids}`
    throw new UsageError(`--${option}: ${reason}`)
  }

  #has(name: string): boolean {
    return this.#all.some((names) => names.includes(name))
  }

  #told(): string {
    const { length } = this.#all
    if (length === 0) return 'it has none'
    const told = this.#all.slice(0, toldMax).map(([name]) => name)
    const more = length > toldMax ? ` and ${length - toldMax} more` : ''
    return `it has ${told.join(', ')}${more}`
  }
}

/** Names that are up, each with the id. */
function nodeNames({ nodes, records }: Snapshot): string[][] {
  const bodies = nodeBodies(records)
  return nodes
    .filter(({ state }) => state === 'alive' || state === 'suspect')
    .map(({ id }) => [bodies.get(id)?.name ?? id, id])
}

/** Of the newest version of each job, which comes first, those that are not deleted. */
function jobIds({ records }: Snapshot): string[][] {
  const seen = new Map<string, boolean>()
  for (const { key, body } of records) {
    const [kind, id = '', rest] = key.split('/')
    if (kind === 'job' && rest === 'spec' && !seen.has(id)) seen.set(id, body !== null)
  }
  return [...seen].flatMap(([id, isThere]) => (isThere ? [[id]] : []))
}
