/** Finds what a path names, or says in a problem that it is not there. */
import type { AllocationView, ClusterView, JobView, NodeView } from '../../protocol/view.ts'
import { RequestProblem } from './problem.ts'

export function findJob(view: ClusterView, id: string): JobView {
  const job = view.job(id)
  if (job === undefined) throw new RequestProblem('not-found', `no job ${id}`)
  return job
}

export function findAllocation(view: ClusterView, id: string): AllocationView {
  const allocation = view.allocation(id)
  if (allocation === undefined) throw new RequestProblem('not-found', `no allocation ${id}`)
  return allocation
}

/** By id, then by name, then by the beginning or the end of the id: people see the ends of ids in tables. */
export function findNode(view: ClusterView, name: string): NodeView {
  const exact = view.node(name)
  if (exact !== undefined) return exact
  const nodes = view.nodes()
  const named = nodes.filter((node) => node.body?.name === name)
  const fits = named.length > 0 ? named : nodes.filter((node) => isPartOf(name, node.id))
  if (fits.length === 1) return fits[0]!
  if (fits.length === 0) throw new RequestProblem('not-found', `no node ${name}`)
  return theOnlyPresent(fits, name)
}

function isPartOf(name: string, id: string): boolean {
  return id.startsWith(name) || (name.length >= 4 && id.endsWith(name))
}

/** A machine that was set up anew has its old name and a new id; the old one is gone. */
function theOnlyPresent(fits: readonly NodeView[], name: string): NodeView {
  const present = fits.filter((node) => node.state === 'alive' || node.state === 'suspect')
  if (present.length === 1) return present[0]!
  const ids = fits.slice(0, 5).map((node) => node.id)
  throw new RequestProblem('ambiguous', `${name} may be any of ${fits.length}: ${ids.join(', ')}`)
}

/** What people call a node: its name, or its id while its record has not arrived. */
export function nodeName(view: ClusterView, member: string): string {
  return view.node(member)?.body?.name ?? member
}

/** The same for a whole list, each node looked up once. */
export function nodeNames(view: ClusterView): (member: string) => string {
  const names = new Map<string, string>()
  return (member) => {
    let name = names.get(member)
    if (name === undefined) {
      name = nodeName(view, member)
      names.set(member, name)
    }
    return name
  }
}
