/**
 * A container says by its labels what it is, so that the next agent finds its tasks again, and so that the
 * agents that share one engine keep their hands off each other's.
 */
import type { TaskRef } from './runtime.ts'

export interface Labelled extends TaskRef {
  readonly cluster: string
  /** The member's id. */
  readonly node: string
  readonly job: string
  readonly slot: number
  /** Host ports of the whole allocation by name. */
  readonly ports: { readonly [name: string]: number }
}

export function labelsOf(of: Labelled): { [label: string]: string } {
  return {
    'starling.cluster': of.cluster,
    'starling.node': of.node,
    'starling.allocation': of.allocation,
    'starling.job': of.job,
    'starling.slot': String(of.slot),
    'starling.task': of.task,
    'starling.ports': JSON.stringify(of.ports),
  }
}

/** Undefined for a container that is not wholly one of ours. */
export function readLabels(
  labels: { readonly [label: string]: string } | undefined,
): Labelled | undefined {
  const read = (name: string): string | undefined => labels?.[`starling.${name}`]
  const [cluster, node, allocation] = [read('cluster'), read('node'), read('allocation')]
  const [job, task] = [read('job'), read('task')]
  if (cluster === undefined || node === undefined || allocation === undefined) return undefined
  if (job === undefined || task === undefined) return undefined
  const ports = readPorts(read('ports'))
  return { cluster, node, allocation, job, task, slot: Number(read('slot') ?? 0), ports }
}

function readPorts(text: string | undefined): { [name: string]: number } {
  try {
    const ports: unknown = JSON.parse(text ?? '{}')
    const entries = Object.entries(ports ?? {}).filter(([, port]) => Number.isSafeInteger(port))
    return Object.fromEntries(entries)
  } catch {
    return {}
  }
}

/** Docker's filter for what is ours. */
export function labelFilter(node: string, allocation?: string): string[] {
  const filter = [`starling.node=${node}`]
  return allocation === undefined ? filter : [...filter, `starling.allocation=${allocation}`]
}

export function containerName(ref: TaskRef): string {
  return `starling-${ref.allocation}-${ref.task}`
}
