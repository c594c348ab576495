/** Where hosts are: in proportion to the weights, racks of their size, and nothing redrawn by growing. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Topology } from '../../sim/topology.ts'

const topology = suite('sim/topology')

const usual = { cpu: 4000, memory: 8192, disk: 0, gpu: 0, labels: {} }

function shape(count: number) {
  return {
    count,
    classes: [
      { name: 'small', weight: 3, ...usual },
      { name: 'large', weight: 1, ...usual },
    ],
    regions: [
      { name: 'north', weight: 2, rackSize: 10 },
      { name: 'south', weight: 1, racks: 4 },
      { name: 'west', weight: 1 },
    ],
  }
}

topology('regions and classes get their weights, and each region some of each class', () => {
  const made = new Topology(shape(1600))
  const counts = new Map<string, number>()
  for (let host = 0; host < 1600; host++) {
    const key = `${made.regions[made.regionOf(host)]!.name} ${made.classes[made.classOf(host)]!.name}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  assert.equal(Object.fromEntries([...counts].sort()), {
    'north large': 200,
    'north small': 600,
    'south large': 100,
    'south small': 300,
    'west large': 100,
    'west small': 300,
  })
})

topology('racks have their size or their number', () => {
  const made = new Topology(shape(400))
  const sizes = made.rackNames.map((name, rack) => [name, made.hostsInRack(rack).length])
  assert.is(sizes.filter(([name]) => String(name).startsWith('north/')).length, 20)
  assert.equal(
    sizes.filter(([name]) => String(name).startsWith('south/')),
    [1, 2, 3, 4].map((n) => [`south/${n}`, 25]),
  )
  assert.equal(
    sizes.filter(([name]) => String(name).startsWith('west/')).map(([, size]) => size),
    [40, 40, 20],
  )
})

topology('growing leaves everyone where they are', () => {
  const small = new Topology(shape(50))
  const large = new Topology(shape(500))
  small.grow(500)
  for (let host = 0; host < 500; host++) {
    assert.is(small.rackOf(host), large.rackOf(host))
    assert.is(small.classOf(host), large.classOf(host))
  }
})

topology('nearness is by rack, then by region', () => {
  const made = new Topology(shape(400))
  const [a, b] = made.hostsInRack(0)
  const far = made.hostsInRegion(1)[0]!
  const near = made.hostsInRegion(0).find((host) => made.rackOf(host) !== 0)!
  assert.is(made.nearness(a!, b!), 'sameRack')
  assert.is(made.nearness(a!, near), 'sameRegion')
  assert.is(made.nearness(a!, far), 'betweenRegions')
})

topology.run()
