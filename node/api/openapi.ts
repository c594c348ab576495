/** The OpenAPI 3.1 document, drawn from the routes and from the very schemas that check what comes in. */
import type { JsonSchema } from '../../protocol/base/schema.ts'
import { jsonTypes, yamlTypes } from './body.ts'
import { problemShape, problems, problemType } from './problem.ts'
import type { Answer, Route, Shape } from './route.ts'

type Json = { [name: string]: unknown }

export function describeApi(routes: readonly Route[], version: string): Json {
  const components = new Map<string, JsonSchema>()
  const refer = (shape: Shape): Json => {
    components.set(shape.name, shape.schema.json)
    return { $ref: `#/components/schemas/${shape.name}` }
  }
  const paths: { [path: string]: Json } = {}
  for (const route of routes) {
    const path = route.path.replace(/:([a-z]+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeRoute(route, refer) }
  }
  refer(problemShape)
  return {
    openapi: '3.1.0',
    info: {
      title: 'Starling',
      version,
      description: 'A data center as one computer. Every agent answers for the whole cluster.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{}, { token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: Object.fromEntries(components),
    },
  }
}

function describeRoute(route: Route, refer: (shape: Shape) => Json): Json {
  const inPath = [...route.path.matchAll(/:([a-z]+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const inQuery = Object.entries(route.query ?? {}).map(([name, { description, json }]) => ({
    name,
    in: 'query',
    description,
    schema: json,
  }))
  const inHeader = Object.entries(route.headers ?? {}).map(([name, description]) => ({
    name,
    in: 'header',
    description,
    schema: { type: 'string' },
  }))
  return {
    operationId: operationId(route),
    summary: route.summary,
    parameters: [...inPath, ...inQuery, ...inHeader],
    ...(route.body && {
      requestBody: { required: !route.bodyIsOptional, ...describeBody(route.body, refer) },
    }),
    ...(route.open && { security: [] }),
    responses: describeAnswers(route.answers, refer),
  }
}

/** `POST /v1/jobs/:id/scale` is `postJobsIdScale`. */
function operationId({ method, path }: Route): string {
  const words = path.split(/[^a-zA-Z]+/).filter((word) => word !== '' && word !== 'v')
  const capitals = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
  return method.toLowerCase() + capitals.join('')
}

function describeBody(shape: Shape, refer: (shape: Shape) => Json): Json {
  const schema = refer(shape)
  const types = [...jsonTypes, ...yamlTypes]
  return { content: Object.fromEntries(types.map((type) => [type, { schema }])) }
}

function describeAnswers(answers: Route['answers'], refer: (shape: Shape) => Json): Json {
  const described = Object.entries(answers).map(([status, answer]) => {
    const description = Number(status) < 300 ? 'Done.' : titleOf(Number(status))
    return [status, { description, content: describeContent(answer, Number(status), refer) }]
  })
  const failure = { description: 'A problem.', content: problemContent(refer) }
  return { ...Object.fromEntries(described), default: failure }
}

function describeContent(answer: Answer, status: number, refer: (shape: Shape) => Json): Json {
  if ('mediaType' in answer) return { [answer.mediaType]: {} }
  if (status >= 400) return problemContent(refer)
  return { 'application/json': { schema: refer(answer.shape) } }
}

function problemContent(refer: (shape: Shape) => Json): Json {
  return { [problemType]: { schema: refer(problemShape) } }
}

function titleOf(status: number): string {
  const codes = Object.entries(problems).filter(([, meaning]) => meaning.status === status)
  return codes.map(([code, { title }]) => `${title} (\`${code}\`).`).join(' ')
}
