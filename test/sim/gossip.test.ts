/** Gossip's model: everyone gets each broadcast once, over the links that are there. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Broadcast } from '../../protocol/message.ts'
import type { Host } from '../../sim/host.ts'
import { Barrier } from '../../sim/network.ts'
import { boot } from '../../sim/scenario.ts'
import { Simulator, type SimulatorOptions } from '../../sim/simulator.ts'

const gossip = suite('sim/gossip')
const second = 1_000_000
const members = 36

interface Heard {
  readonly simulator: Simulator
  /** Of each host, how often its core was told of a broadcast of the test. */
  readonly times: number[]
  publish(from: Host): void
}

function cluster(options: Partial<SimulatorOptions> = {}): Heard {
  const simulator = new Simulator({ seed: 3, members, network: { latencyMaxUs: 2000 }, ...options })
  boot(simulator, [])
  simulator.run(10 * second)
  const times = simulator.hosts.map(() => 0)
  let sequence = 0
  for (const host of simulator.hosts) {
    const { receive } = host
    host.receive = (event) => {
      if (event.type === 'broadcast-received' && event.broadcast.author === 'test')
        times[host.index]!++
      else receive.call(host, event)
    }
  }
  return {
    simulator,
    times,
    publish(from) {
      const signature = new Uint8Array(64)
      const broadcast: Broadcast = {
        author: 'test',
        sequence: sequence++,
        updates: [],
        records: [],
        signature,
      }
      simulator.gossip.publish(from, broadcast)
    },
  }
}

gossip('each member is told once, however many copies come', () => {
  const { simulator, times, publish } = cluster()
  const before = { ...simulator.gossip.counts }
  for (let i = 0; i < 20; i++) {
    publish(simulator.hosts[i]!)
    simulator.run(second)
  }
  simulator.run(20 * second)
  times.forEach((count, host) => {
    assert.is(count, host < 20 ? 19 : 20, `n${host}`)
  })
  const { copies, duplicates, delivered } = simulator.gossip.counts
  assert.is(copies - before.copies, duplicates - before.duplicates + delivered - before.delivered)
  assert.ok(duplicates > before.duplicates)
})

gossip('a mesh is kept between its bounds, and both ends agree on it', () => {
  const { simulator } = cluster()
  simulator.run(20 * second)
  const { mesh } = simulator.gossip
  for (const { index } of simulator.hosts) {
    const peers = mesh.meshOf(index)
    assert.ok(peers.length >= 3 && peers.length <= 8, `n${index} has ${peers.length}`)
    for (const peer of peers) {
      assert.ok(mesh.meshOf(peer).includes(index), `n${index} and n${peer}`)
      assert.ok(simulator.links.isOpen(simulator.hosts[index]!, simulator.hosts[peer]!))
    }
  }
})

gossip('a mesh heals when a third of the members is gone', () => {
  const { simulator, times, publish } = cluster()
  for (const host of simulator.hosts.slice(24)) host.killAgent()
  simulator.run(20 * second)
  publish(simulator.hosts[0]!)
  simulator.run(20 * second)
  assert.equal(times.slice(1, 24), new Array(23).fill(1))
  assert.equal(times.slice(24), new Array(12).fill(0))
})

gossip(
  'across a short cut a broadcast is late: what was held or is told of comes afterwards',
  () => {
    const { simulator, times, publish } = cluster()
    const left = new Set(simulator.hosts.slice(0, 18).map((host) => host.index))
    const right = new Set(simulator.hosts.slice(18).map((host) => host.index))
    const barriers = [new Barrier(left, right), new Barrier(right, left)]
    for (const barrier of barriers) simulator.network.raise(barrier)
    publish(simulator.hosts[0]!)
    simulator.run(3 * second)
    assert.equal(times.slice(18), new Array(18).fill(0))
    for (const barrier of barriers) simulator.network.lower(barrier)
    simulator.run(20 * second)
    assert.equal(times.slice(1), new Array(members - 1).fill(1))
    assert.ok(barriers.some(({ blocked }) => blocked > 0))
  },
)

gossip('large messages are declined by those who have them, small ones are not', () => {
  const counts = [0, 1_000_000].map((idontwantBytes) => {
    const { simulator, publish } = cluster({ gossip: { idontwantBytes } })
    const before = simulator.gossip.counts.declined
    for (let i = 0; i < 10; i++) {
      publish(simulator.hosts[i]!)
      simulator.run(second)
    }
    return simulator.gossip.counts.declined - before
  })
  assert.ok(counts[0]! > 0)
  assert.is(counts[1], 0)
})

gossip('nothing is kept of a message that is done with', () => {
  const { simulator, publish } = cluster()
  const done: [number, number][] = []
  simulator.gossip.onDone = (_, delivered, copies) => done.push([delivered, copies])
  publish(simulator.hosts[5]!)
  simulator.run(60 * second)
  const ofTest = done.filter(([delivered]) => delivered === members - 1)
  assert.ok(ofTest.length >= 1)
  assert.ok(ofTest.every(([delivered, copies]) => copies >= delivered))
})

gossip.run()
