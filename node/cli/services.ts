/** `services`: what is offered, and where each instance is reached. */
import type { Command } from 'commander'
import type { Service } from '../api/services.ts'
import { type CommonOptions, clientOf, print, printJson, reading, step } from './command.ts'
import { table } from './table.ts'

export function addServices(program: Command): void {
  reading(
    program,
    'services [name]',
    'List the services, or where the instances of one are reached',
  ).action(async (name: string | undefined, options: CommonOptions, command: Command) => {
    const client = clientOf(options, command)
    if (name === undefined) {
      const items = await client.list<Service>('/v1/services')
      return options.json ? printJson({ items }) : print(showServices(items))
    }
    const service = await client.get<Service>(`/v1/services/${step(name)}`)
    return options.json ? printJson(service) : print(showEndpoints(service))
  })
}

function showServices(services: readonly Service[]): string {
  if (services.length === 0) return 'no services\n'
  const rows = services.map(({ name, endpoints }) => {
    const healthy = endpoints.filter((each) => each.healthy)
    const where = healthy.slice(0, 3).map(({ host, port }) => `${host}:${port}`)
    const more = healthy.length > where.length ? `, ${healthy.length - where.length} more` : ''
    return [name, `${healthy.length}/${endpoints.length}`, where.join(', ') + more || '-']
  })
  return table(['SERVICE', 'HEALTHY', 'ADDRESSES'], rows)
}

const replicaAlone =
  '\nthe DHT named no provider: this is what the node that was asked knows itself\n'

function showEndpoints({ endpoints, source }: Service): string {
  if (endpoints.length === 0) return 'no instance runs\n'
  const rows = endpoints.map(({ host, port, node, allocation, healthy, tags }) => [
    `${host}:${port}`,
    healthy ? 'yes' : 'no',
    node,
    allocation,
    tags.join(',') || '-',
  ])
  const note = source === 'replica' ? replicaAlone : ''
  return table(['ADDRESS', 'HEALTHY', 'NODE', 'ALLOCATION', 'TAGS'], rows) + note
}
