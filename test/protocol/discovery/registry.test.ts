import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type NamedEndpoint, serviceViews } from '../../../protocol/discovery/endpoint.ts'
import { Registry } from '../../../protocol/discovery/registry.ts'
import type { Effect } from '../../../protocol/effect.ts'

const registry = suite('registry')

function told(of: Registry, services: readonly string[]): string[] {
  const out: Effect[] = []
  of.refresh(services, out)
  return out.map((effect) => `${effect.type} ${'service' in effect ? effect.service : ''}`)
}

registry('only what changed is told', () => {
  const own = new Registry()
  assert.equal(told(own, []), [])
  assert.equal(told(own, ['api', 'web']), ['provide api', 'provide web'])
  assert.equal(told(own, ['api', 'web']), [])
  assert.equal(told(own, ['db', 'web']), ['provide db', 'withdraw api'])
  assert.equal(told(own, []), ['withdraw db', 'withdraw web'])
})

registry('what was provided and not withdrawn is what runs', () => {
  const names = fc.uniqueArray(fc.constantFrom(...'abcdefgh')).map((each) => each.sort())
  fc.assert(
    fc.property(fc.array(names), (steps) => {
      const own = new Registry()
      const provided = new Set<string>()
      for (const services of steps) {
        for (const line of told(own, services)) {
          const [act, name] = line.split(' ') as [string, string]
          assert.is(provided.has(name), act === 'withdraw')
          if (act === 'provide') provided.add(name)
          else provided.delete(name)
        }
        assert.equal([...provided].sort(), services)
      }
    }),
  )
})

registry.run()

const index = suite('service index')

function endpoint(service: string, allocation: string, overrides = {}): NamedEndpoint {
  const place = { job: service, member: 'm1', host: '10.0.0.1', port: 80, tags: [] }
  return { service, allocation, healthy: true, ...place, ...overrides }
}

index('groups by name, healthy ones first, in a stable order', () => {
  const endpoints = [
    endpoint('web', 'web.1'),
    endpoint('api', 'api.0'),
    endpoint('web', 'web.0', { healthy: false }),
    endpoint('web', 'web.2'),
  ]
  const shape = (all: readonly NamedEndpoint[]) =>
    serviceViews(all).map(({ name, endpoints: found }) => [name, found.map((e) => e.allocation)])
  const expected = [
    ['api', ['api.0']],
    ['web', ['web.1', 'web.2', 'web.0']],
  ]
  assert.equal(shape(endpoints), expected)
  assert.equal(shape(endpoints.toReversed()), expected)
})

index('drops members that are not there', () => {
  const endpoints = [endpoint('web', 'web.0'), endpoint('web', 'web.1', { member: 'm2' })]
  const [view] = serviceViews(endpoints, (member) => member === 'm2')
  assert.equal(
    view!.endpoints.map(({ member }) => member),
    ['m2'],
  )
  assert.equal(
    serviceViews(endpoints, () => false),
    [],
  )
})

index.run()
