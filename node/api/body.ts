/**
 * Bodies: JSON or YAML, up to a bound. What is over the bound is read and thrown away, up to a further bound,
 * before the refusal is sent: a client that is still writing when its connection closes sees a reset
 * connection and never the reason.
 */
import { isUtf8 } from 'node:buffer'
import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { type Checked, check, type Infer, type Schema } from '../../protocol/base/schema.ts'
import { limits } from '../../protocol/limits.ts'
import { parseJson } from './json.ts'
import { RequestProblem } from './problem.ts'
import { parseYaml } from './yaml.ts'

export const jsonTypes = ['application/json']
export const yamlTypes = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml']

export async function readJson(headers: IncomingHttpHeaders, body: Readable): Promise<unknown> {
  const text = await readText(headers, body)
  return isBlank(text) ? undefined : parseJson(text)
}

export async function readYaml(headers: IncomingHttpHeaders, body: Readable): Promise<unknown> {
  const text = await readText(headers, body)
  return isBlank(text) ? undefined : parseYaml(text)
}

function isBlank(text: string): boolean {
  return text.trimStart() === ''
}

async function readText(headers: IncomingHttpHeaders, body: Readable): Promise<string> {
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    body.resume()
    throw new RequestProblem('unsupported-media-type', `content encoding ${encoding} is not read`)
  }
  const bytes = await readBytes(body, limits.httpBodyBytes)
  if (!isUtf8(bytes)) throw new RequestProblem('malformed', 'the body is not UTF-8')
  const text = bytes.toString('utf8')
  return text.startsWith('\ufeff') ? text.slice(1) : text
}

/** Listeners rather than `for await`, which takes three times as long for a small body. */
export function readBytes(body: Readable, max: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const tooLarge = () => reject(new RequestProblem('too-large', `the limit is ${max} bytes`))
    body.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= max) chunks.push(chunk)
      else chunks.length = 0
      if (length > limits.httpDiscardBytes) {
        body.pause()
        tooLarge()
      }
    })
    body.on('end', () => {
      if (length > max) tooLarge()
      else resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length))
    })
    const brokeOff = () => {
      if (!body.readableEnded) reject(new RequestProblem('malformed', 'the body broke off'))
    }
    body.on('error', brokeOff)
    body.on('close', brokeOff)
  })
}

export function checkBody<S extends Schema<unknown>>(schema: S, body: unknown): Infer<S> {
  const checked = check(schema, body) as Checked<Infer<S>>
  if (checked.ok) return checked.value
  throw new RequestProblem('invalid', 'the body is not valid', { issues: checked.issues })
}
