/** What happens, as server-sent events. */
import type { Notification } from '../../protocol/effect.ts'
import { limits } from '../../protocol/limits.ts'
import type { AgentEvent, Backend } from './backend.ts'
import { EventFeed, type PublicEvent } from './event-feed.ts'
import { findNode, nodeName } from './find.ts'
import { flag, name, wholeNumber } from './parameter.ts'
import { problemShape, RequestProblem } from './problem.ts'
import { type Route, route } from './route.ts'
import { begin } from './stream.ts'

export function createFeed(backend: Backend, keepAliveMs: number): EventFeed {
  const nameOf = (member: string) => nodeName(backend.view(), member)
  return new EventFeed((event: AgentEvent) => present(event.notification, nameOf), keepAliveMs)
}

/** Members become nodes, by name and id, as everywhere in the API. */
export function present(
  notification: Notification,
  nameOf: (member: string) => string,
): { type: string; [field: string]: unknown } {
  const { type } = notification
  if (type === 'member-changed') {
    const { update, previous } = notification
    const { member, incarnation, state } = update
    return { type, node: nameOf(member), nodeId: member, state, previous, incarnation }
  }
  if (type === 'allocation-changed' || type === 'job-changed') {
    const { member, ...rest } = notification
    return { ...rest, node: nameOf(member), nodeId: member }
  }
  if (type === 'message-rejected') {
    const { from, reason, detail } = notification.rejection
    return { type, node: nameOf(from), nodeId: from, reason, detail }
  }
  return { ...notification }
}

export function eventRoutes(backend: Backend, feed: EventFeed): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/events',
      summary: 'What happens, as server-sent events; Last-Event-ID continues where a client was',
      query: {
        job: name('Only events of this job.'),
        node: name('Only events of this node.'),
        type: name('Only events of this type.'),
        tail: wholeNumber(0, limits.eventsKept, 'Begin with this many of the last ones.'),
        follow: flag('Go on until the client leaves; true unless given.'),
      },
      answers: { 200: { mediaType: 'text/event-stream' }, 503: { shape: problemShape } },
      endless: true,
      handle({ query, request, reply }) {
        const { job, node, type, tail = 0, follow = true } = query
        const nodeId = node === undefined ? undefined : findNode(backend.view(), node).id
        if (follow && feed.isFull)
          throw new RequestProblem('overloaded', 'too many clients follow the events already')
        const wants = (event: PublicEvent) =>
          (job === undefined || event.job === job) &&
          (nodeId === undefined || event.nodeId === nodeId) &&
          (type === undefined || event.type === type)
        begin(reply, 200, { 'content-type': 'text/event-stream; charset=utf-8' })
        const follower = { response: reply.raw, wants }
        reply.raw.write('retry: 2000\n\n')
        feed.replay(follower, lastIdOf(request.headers['last-event-id']), tail)
        if (follow) feed.follow(follower)
        else reply.raw.end()
        return reply
      },
    }),
  ]
}

function lastIdOf(header: string | string[] | undefined): string | undefined {
  const id = Array.isArray(header) ? header[0] : header
  return id === undefined || id === '' ? undefined : id.slice(0, 64)
}
