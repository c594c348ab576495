import { EventEmitter } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EventFeed, type Follower } from '../../../node/api/event-feed.ts'
import { present } from '../../../node/api/events.ts'
import type { Notification } from '../../../protocol/effect.ts'
import { limits } from '../../../protocol/limits.ts'
import { type Running, startApi, until, webJob } from './fixture.ts'
import { memberNamed } from './memory-cluster.ts'

const events = suite('events')
let api: Running

events.before.each(async () => {
  api = await startApi(['n1', 'n2'], { keepAliveMs: 20 })
})

events.after.each(async () => {
  await api.close()
  assert.equal(api.failures, [])
})

/** A client with a connection of its own, whose text grows. */
interface Reader {
  text: string
  ended: boolean
  response: IncomingMessage
  leave(): void
}

function follow(query = '', headers = {}): Promise<Reader> {
  return new Promise((resolve, reject) => {
    const request = http.get(`${api.url}/v1/events${query}`, { headers, agent: false })
    request.on('error', () => reject(new Error('broken')))
    request.on('response', (response) => {
      const reader: Reader = { text: '', ended: false, response, leave: () => request.destroy() }
      response.setEncoding('utf8').on('data', (chunk) => {
        reader.text += chunk
      })
      response.on('error', () => {})
      response.on('close', () => {
        reader.ended = true
      })
      resolve(reader)
    })
  })
}

function storageFailed(code: string): Notification {
  return { type: 'storage-failed', code }
}

const idsOf = (text: string) => [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id!)

events('come as they happen, with ids and keep-alives', async () => {
  const reader = await follow()
  assert.match(reader.response.headers['content-type']!, /^text\/event-stream/)
  await api.ask('POST', '/v1/jobs', webJob({ count: 1 }))
  await until(() => reader.text.includes('event: job-changed'), 'the event came')
  const data = /event: job-changed\ndata: (.*)\n\n/.exec(reader.text)![1]!
  const { type, job, change, node, id } = JSON.parse(data)
  assert.equal([type, job, change, node], ['job-changed', 'web', 'submitted', 'n1'])
  assert.is(idsOf(reader.text).at(-1), id)
  await until(() => reader.text.includes(': keep-alive\n\n'), 'a comment came')
  reader.leave()
})

events('continue after the last id', async () => {
  for (let i = 0; i < 5; i++) api.cluster.notify(storageFailed(`c${i}`))
  const all = await follow('?follow=false&tail=5')
  await until(() => all.ended, 'it ends by itself')
  const ids = idsOf(all.text)
  assert.is(ids.length, 5)
  const rest = await follow('?follow=false', { 'last-event-id': ids[2] })
  await until(() => rest.ended, 'it ends by itself')
  assert.equal(idsOf(rest.text), ids.slice(3))
  assert.not.match(rest.text, /event: gap/)
})

events('tell a client of another life that it missed some', async () => {
  api.cluster.notify(storageFailed('c'))
  const reader = await follow('?follow=false', { 'last-event-id': 'abcd.7' })
  await until(() => reader.ended, 'it ends by itself')
  assert.match(reader.text, /event: gap\n/)
  assert.is(idsOf(reader.text).length, 1)
})

events('are filtered by job, node and type', async () => {
  await api.ask('POST', '/v1/jobs', webJob({ id: 'a', count: 2 }))
  await api.ask('POST', '/v1/jobs', webJob({ id: 'b', count: 1 }))
  const types = async (query: string) => {
    const { text } = await api.ask('GET', `/v1/events?follow=false&tail=100&${query}`)
    return [...text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type)
  }
  assert.equal(await types('job=b'), ['allocation-changed', 'job-changed'])
  assert.equal(await types('node=n2'), ['allocation-changed'])
  assert.equal(await types('type=job-changed'), ['job-changed', 'job-changed'])
})

events('close ends those who follow', async () => {
  const reader = await follow()
  await api.close()
  await until(() => reader.ended, 'the client sees the end')
})

events('name nodes, not members', () => {
  const nameOf = () => 'n1'
  const member = memberNamed('n1')
  const update = { member, incarnation: 3, state: 'down' as const }
  assert.equal(present({ type: 'member-changed', update, previous: 'alive' }, nameOf), {
    type: 'member-changed',
    node: 'n1',
    nodeId: member,
    state: 'down',
    previous: 'alive',
    incarnation: 3,
  })
  const rejection = { from: member, reason: 'malformed' as const, detail: 'x' }
  const rejected = present({ type: 'message-rejected', rejection }, nameOf)
  assert.equal([rejected.node, rejected.reason], ['n1', 'malformed'])
})

/** As much of a response as the feed uses, read at the test's pace. */
class SlowResponse extends EventEmitter {
  readonly writableEnded = false
  destroyed = false
  text = ''
  get writableLength(): number {
    return this.text.length
  }
  write(text: string): void {
    this.text += text
  }
  destroy(): void {
    this.destroyed = true
  }
  end(): void {}
}

function slowFollower(): { response: SlowResponse; follower: Follower } {
  const response = new SlowResponse()
  return {
    response,
    follower: { response: response as unknown as ServerResponse, wants: () => true },
  }
}

events('a client that does not read is dropped', () => {
  const feed = new EventFeed(({ notification }) => ({ ...notification }), 60_000)
  const { response, follower } = slowFollower()
  feed.follow(follower)
  const code = 'x'.repeat(1000)
  for (let id = 1; id <= 1000 && !response.destroyed; id++)
    feed.publish({ id, at: 0, notification: storageFailed(code) })
  assert.ok(response.destroyed)
  assert.ok(response.text.length < limits.eventClientBytes + 2000)
  const length = response.text.length
  feed.publish({ id: 5000, at: 0, notification: storageFailed(code) })
  assert.is(response.text.length, length)
  feed.close()
})

events('only the last are kept', () => {
  const feed = new EventFeed(({ notification }) => ({ ...notification }), 60_000)
  const count = 5 * limits.eventsKept
  for (let id = 1; id <= count; id++)
    feed.publish({ id, at: 0, notification: { type: 'storage-recovered' } })
  const { response, follower } = slowFollower()
  feed.replay(follower, undefined, limits.eventsKept)
  const ids = idsOf(response.text)
  assert.is(ids.length, limits.eventsKept)
  assert.ok(ids.at(-1)!.endsWith(`.${count}`))
  const later = slowFollower()
  const justBefore = `${ids[0]!.split('.')[0]}.${count - limits.eventsKept}`
  feed.replay(later.follower, justBefore, 0)
  assert.not.match(later.response.text, /event: gap/)
  const older = slowFollower()
  feed.replay(older.follower, `${ids[0]!.split('.')[0]}.1`, 0)
  assert.match(older.response.text, /^event: gap\n/)
  feed.close()
})

events.run()
