import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { AgentEvent } from '../../node/api/backend.ts'
import { Driver } from '../../node/driver.ts'
import { prettyLine } from '../../node/logger.ts'
import { Metrics } from '../../node/metrics.ts'
import { Notifications } from '../../node/notifications.ts'
import type { ClusterView } from '../../protocol/view.ts'

const observation = suite('observation')

observation('a line for people: time, level, message, fields', () => {
  const entry = { level: 'warn', time: 0, node: 'n1', msg: 'slot waits', job: 'web', slot: 3 }
  const line = prettyLine(JSON.stringify({ ...entry, reason: null }), false)
  assert.match(line, /^\d\d:\d\d:\d\d warn {2}slot waits job=web slot=3\n$/)
  assert.match(prettyLine(JSON.stringify(entry), true), '\u001b[33m')
})

observation('an error is shown with its stack', () => {
  const err = { message: 'broken', stack: 'Error: broken\n    at here' }
  const line = prettyLine(JSON.stringify({ level: 'error', time: 0, msg: 'x', err }), false)
  assert.match(line, 'error x\nError: broken\n    at here\n')
})

observation('followers get numbered events until they leave', () => {
  const seen: AgentEvent[] = []
  const notifications = new Notifications(() => 42)
  const leave = notifications.subscribe((event) => seen.push(event))
  notifications.publish({ type: 'storage-recovered' })
  notifications.publish({ type: 'storage-failed', code: 'disk-full' })
  leave()
  notifications.publish({ type: 'storage-recovered' })
  assert.equal(
    seen.map(({ id, at, notification }) => [id, at, notification.type]),
    [
      [1, 42, 'storage-recovered'],
      [2, 42, 'storage-failed'],
    ],
  )
})

observation('the metrics say what the parts have counted, each time anew', async () => {
  const driver = new Driver({
    clock: { now: () => 0 },
    perform: () => undefined,
    onBug: () => undefined,
  })
  const rejections: { [reason: string]: number } = { malformed: 2 }
  const view = {
    self: 'm',
    counts: () => ({
      members: { alive: 3, suspect: 0, down: 1, left: 0 },
      records: 12,
      tombstones: 1,
      jobs: 4,
      rejections,
      storageFailed: true,
    }),
    allocations: () => [{ state: 'running' }, { state: 'running' }, { state: 'failed' }],
  } as unknown as ClusterView
  const metrics = new Metrics({
    driver,
    network: {
      counters: () => ({
        links: 2,
        sent: 5,
        received: 6,
        bytesSent: 7,
        bytesReceived: 8,
        published: 9,
        publishedCopies: 36,
        gossipReceived: 10,
        dropped: { 'queue-full': 3 },
      }),
    },
    journal: { counters: { batches: 1, writes: 2, failures: 0, seconds: 0.5 } },
    view: () => view,
  })
  metrics.count({ type: 'storage-recovered' })
  await metrics.text()
  rejections.malformed = 7
  const lines = (await metrics.text()).split('\n')
  for (const line of [
    'starling_members{state="alive"} 3',
    'starling_members{state="down"} 1',
    'starling_rejections_total{reason="malformed"} 7',
    'starling_network_dropped_total{reason="queue-full"} 3',
    'starling_allocations{state="running"} 2',
    'starling_persist_seconds_total 0.5',
    'starling_storage_failed 1',
    'starling_links 2',
    'starling_notifications_total{type="storage-recovered"} 1',
  ])
    assert.ok(lines.includes(line), line)
  assert.ok(lines.some((line) => line.startsWith('process_resident_memory_bytes ')))
})

observation.run()
