/** Logs and figures of the tasks of an allocation, from the node that runs it. */
import { list, object } from '../../protocol/base/schema.ts'
import type { AllocationView } from '../../protocol/view.ts'
import { RuntimeFailure } from '../runtime/runtime.ts'
import type { Backend } from './backend.ts'
import { findAllocation } from './find.ts'
import { flag, name, oneOf, parameterProblem, wholeNumber } from './parameter.ts'
import { problemShape, RequestProblem } from './problem.ts'
import { forward } from './proxy.ts'
import { type Route, route, type Shape } from './route.ts'
import { anyText, measured } from './shapes.ts'
import { sendText, signalOf } from './stream.ts'

const statsShape: Shape = {
  name: 'Stats',
  schema: object({
    allocation: anyText,
    /** Those that run now. */
    tasks: list(object({ name: anyText, cpu: measured, memory: measured }), 64),
  }),
}

const elsewhere = {
  404: { shape: problemShape },
  502: { shape: problemShape },
  503: { shape: problemShape },
  504: { shape: problemShape },
}

export function logRoutes(backend: Backend): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/allocations/:id/logs',
      summary: 'What a task wrote; with ?follow=true also what it writes from now on',
      query: {
        task: name('The task; may be left out where there is one.'),
        stream: oneOf(['stdout', 'stderr', 'both'], 'Which output; both unless given.'),
        tail: wholeNumber(0, 1_000_000, 'Begin with this many last lines; all unless given.'),
        follow: flag('Go on until the client leaves.'),
      },
      answers: { 200: { mediaType: 'text/plain' }, ...elsewhere },
      endless: true,
      async handle({ params, query, request, reply }) {
        const allocation = findAllocation(backend.view(), params.id!)
        if (allocation.member !== backend.self)
          return forward(backend, allocation.member, request, reply)
        const ref = { allocation: allocation.body.id, task: chooseTask(allocation, query.task) }
        const { stream = 'both', follow = false, tail } = query
        const options = { stream, follow, tail, signal: signalOf(reply) }
        return sendText(reply, backend.logs(ref, options), follow).catch(explain)
      },
    }),
    route({
      method: 'GET',
      path: '/v1/allocations/:id/stats',
      summary: 'What the tasks use now: millicores and MiB',
      answers: { 200: { shape: statsShape }, ...elsewhere },
      async handle({ params, request, reply }) {
        const allocation = findAllocation(backend.view(), params.id!)
        if (allocation.member !== backend.self)
          return forward(backend, allocation.member, request, reply)
        return readStats(backend, allocation)
      },
    }),
  ]
}

function chooseTask({ body }: AllocationView, asked: string | undefined): string {
  const names = body.tasks.map((task) => task.name)
  const only = names.length === 1 ? names[0] : undefined
  const task = asked ?? only
  if (task !== undefined && names.includes(task)) return task
  const message = asked === undefined ? 'is needed' : 'is not a task of it'
  throw parameterProblem([{ path: '?task', message: `${message}: one of ${names.join(', ')}` }])
}

async function readStats(backend: Backend, { body }: AllocationView) {
  const read = body.tasks.map(async (task) => {
    const ref = { allocation: body.id, task: task.name }
    const stats = await backend.stats(ref).catch(explain)
    return stats === undefined ? [] : [{ name: task.name, cpu: stats.cpu, memory: stats.memory }]
  })
  return { allocation: body.id, tasks: (await Promise.all(read)).flat() }
}

/** What the runtimes say of tasks that they do not have, or have no more. */
const absent = ['task-missing', 'not-running', 'not-docker', 'name-refused']

/** The runtime says in words what is wrong. */
function explain(error: unknown): never {
  if (!(error instanceof RuntimeFailure)) throw error
  const code = absent.includes(error.code) ? 'not-found' : 'runtime-failed'
  throw new RequestProblem(code, error.message)
}
