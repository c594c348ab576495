/**
 * The service index as the local replica knows it: what answers when the DHT does not in time. A pure grouping
 * of endpoints that are handed in; which allocations have one is the core's to say, which sees all siblings.
 */
import { compareText, type MemberId } from '../base/id.ts'
import { sortedEntries } from '../base/order.ts'
import type { EndpointView, ServiceView } from '../view.ts'

export type NamedEndpoint = EndpointView & { readonly service: string }

/** By service name; within one, healthy endpoints first, then by allocation. */
export function serviceViews(
  endpoints: Iterable<NamedEndpoint>,
  isPresent: (member: MemberId) => boolean = () => true,
): ServiceView[] {
  const byName = new Map<string, EndpointView[]>()
  for (const { service, ...endpoint } of endpoints) {
    if (!isPresent(endpoint.member)) continue
    const held = byName.get(service)
    if (held === undefined) byName.set(service, [endpoint])
    else held.push(endpoint)
  }
  return sortedEntries(byName).map(([name, found]) => ({
    name,
    endpoints: found.sort(compareEndpoints),
  }))
}

function compareEndpoints(a: EndpointView, b: EndpointView): number {
  return (
    Number(b.healthy) - Number(a.healthy) ||
    compareText(a.allocation, b.allocation) ||
    a.port - b.port
  )
}
