/** One run of one check. It always answers, within the time, and leaves no socket behind. */
import { get } from 'node:http'
import { connect } from 'node:net'
import { type CheckSpec, durationMs } from '../../protocol/placement/job.ts'
import { RuntimeFailure, type TaskRef } from './runtime.ts'

export interface CheckResult {
  readonly passing: boolean
  readonly output: string
}

export type Exec = (
  ref: TaskRef,
  command: readonly string[],
  timeoutMs: number,
) => Promise<{ exitCode: number | null; output: string }>

export interface CheckTarget {
  readonly ref: TaskRef
  readonly host: string
  /** Of the check's port; 0 for commands. */
  readonly port: number
}

/** In the record and the API of every failing allocation. */
export const outputLength = 512

/** Undefined where it could not be asked: an engine that is away says nothing of what it runs. */
export async function runCheck(
  spec: CheckSpec,
  target: CheckTarget,
  exec: Exec,
): Promise<CheckResult | undefined> {
  const timeoutMs = Math.max(1, durationMs(spec.timeout))
  const result = await runOne(spec, target, exec, timeoutMs)
  return result && { passing: result.passing, output: result.output.slice(0, outputLength) }
}

function runOne(
  spec: CheckSpec,
  target: CheckTarget,
  exec: Exec,
  timeoutMs: number,
): Promise<CheckResult | undefined> {
  if (spec.type === 'command') return runCommand(spec.command ?? [], target, exec, timeoutMs)
  if (spec.type === 'http') return runHttp(spec.path, target, timeoutMs)
  return runTcp(target, timeoutMs)
}

async function runCommand(
  command: readonly string[],
  target: CheckTarget,
  exec: Exec,
  timeoutMs: number,
): Promise<CheckResult | undefined> {
  try {
    const { exitCode, output } = await exec(target.ref, command, timeoutMs)
    return { passing: exitCode === 0, output: output.trim() || `exited with ${exitCode}` }
  } catch (error) {
    if (error instanceof RuntimeFailure && error.code === 'engine-unavailable') return undefined
    return { passing: false, output: (error as Error).message }
  }
}

/** Redirections count as answers: the page behind them may be another machine's. */
function runHttp(path: string, target: CheckTarget, timeoutMs: number): Promise<CheckResult> {
  const { host, port } = target
  return new Promise((resolve) => {
    const request = get({
      host,
      port,
      path: path.startsWith('/') ? path : `/${path}`,
      agent: false,
      headers: { 'user-agent': 'starling-check', connection: 'close' },
    })
    const finish = (result: CheckResult): void => {
      clearTimeout(timer)
      request.destroy()
      resolve(result)
    }
    const timer = setTimeout(
      () => finish({ passing: false, output: `no answer within ${timeoutMs} ms` }),
      timeoutMs,
    )
    request.on('error', (error) => finish({ passing: false, output: error.message }))
    request.once('response', (response) => {
      const { statusCode = 0 } = response
      const passing = statusCode >= 200 && statusCode < 400
      let body = ''
      const end = (): void => finish({ passing, output: `${statusCode} ${body}`.trim() })
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        body += text
        if (body.length >= outputLength) end()
      })
      response.once('end', end)
      response.once('error', end)
    })
  })
}

/**
 * Docker's proxy accepts connections to a published port whether or not anybody listens inside, and closes them
 * at once where nobody does. So a connection counts only when it is still there a moment later, or said something.
 */
const settleMs = 100

function runTcp({ host, port }: CheckTarget, timeoutMs: number): Promise<CheckResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    let settling: NodeJS.Timeout | undefined
    const finish = (passing: boolean, output: string): void => {
      clearTimeout(timer)
      clearTimeout(settling)
      socket.destroy()
      resolve({ passing, output })
    }
    const pass = (): void => finish(true, `connected to port ${port}`)
    const timer = setTimeout(() => finish(false, `no answer within ${timeoutMs} ms`), timeoutMs)
    socket.once('connect', () => {
      settling = setTimeout(pass, Math.min(settleMs, timeoutMs / 2))
    })
    socket.once('data', pass)
    socket.once('end', () => finish(false, `port ${port} closed the connection at once`))
    socket.on('error', (error) => finish(false, error.message))
  })
}
