import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ServiceView } from '../../../protocol/view.ts'
import { serve, webJob } from './fixture.ts'
import { MemoryCluster, memberNamed } from './memory-cluster.ts'

const services = suite('services')

services('providers that the replica does not know are asked', async () => {
  const known = new MemoryCluster(['n1', 'n2', 'n3', 'n4'])
  const other = new MemoryCluster(['n2', 'n1', 'n3', 'n4'])
  const near = await serve(known, 'n1')
  const far = await serve(other, 'n2')
  await far.ask('POST', '/v1/jobs', webJob({ count: 2 }))
  known.doors.set(memberNamed('n2'), other.doors.get(memberNamed('n2'))!)
  known.setState('n4', 'down')
  known.providers.set('web', ['n2', 'n3', 'n4', 'n9'].map(memberNamed))
  const { status, json } = await near.ask('GET', '/v1/services/web')
  assert.equal([status, json.source], [200, 'dht'])
  assert.equal(
    json.endpoints.map((each: { node: string }) => each.node),
    ['n2'],
  )
  await Promise.all([near.close(), far.close()])
  assert.equal([...near.failures, ...far.failures], [])
})

services('the replica answers when the DHT does not', async () => {
  const cluster = new MemoryCluster(['n1'])
  const api = await serve(cluster, 'n1')
  await api.ask('POST', '/v1/jobs', webJob({ count: 1 }))
  let lookups = 0
  api.backend.findProviders = () => {
    lookups++
    return Promise.reject(new Error('no peers'))
  }
  for (let i = 0; i < 3; i++) {
    const { json } = await api.ask('GET', '/v1/services/web')
    assert.equal([json.source, json.endpoints.length], ['replica', 1])
  }
  assert.is(lookups, 1)
  await api.close()
})

services('a service without instances is there, an unknown one is not', async () => {
  const cluster = new MemoryCluster(['n1'])
  const api = await serve(cluster, 'n1')
  await api.ask('POST', '/v1/jobs', webJob({ count: 0 }))
  const { json } = await api.ask('GET', '/v1/services/web')
  assert.equal(json.endpoints, [] as ServiceView['endpoints'])
  assert.is((await api.ask('GET', '/v1/services/other')).status, 404)
  await api.close()
})

services.run()
