/** Integer vectors of what a node has and a slot takes. */
import { remembered } from '../base/remembered.ts'

export interface Resources {
  /** Millicores. */
  readonly cpu: number
  /** MiB. */
  readonly memory: number
  /** MiB. */
  readonly disk: number
  /** Whole devices. */
  readonly gpu: number
}

export const dimensions = ['cpu', 'memory', 'disk', 'gpu'] as const

export const noResources: Resources = { cpu: 0, memory: 0, disk: 0, gpu: 0 }

export function add(a: Resources, b: Resources): Resources {
  return {
    cpu: a.cpu + b.cpu,
    memory: a.memory + b.memory,
    disk: a.disk + b.disk,
    gpu: a.gpu + b.gpu,
  }
}

export function subtract(a: Resources, b: Resources): Resources {
  return {
    cpu: a.cpu - b.cpu,
    memory: a.memory - b.memory,
    disk: a.disk - b.disk,
    gpu: a.gpu - b.gpu,
  }
}

/** The sum with `after` in it in the place of `before`. */
export const exchanged = remembered((sum: Resources, before: Resources, after: Resources) =>
  add(subtract(sum, before), after),
)

/** The first dimension of which `free` has too little, or undefined when all fit. Asked of every candidate. */
export function shortage(need: Resources, free: Resources): keyof Resources | undefined {
  if (need.cpu > free.cpu) return 'cpu'
  if (need.memory > free.memory) return 'memory'
  if (need.disk > free.disk) return 'disk'
  return need.gpu > free.gpu ? 'gpu' : undefined
}
