/** What went wrong between the agent and the engine, in the terms of a runtime. */
import { RuntimeFailure } from './runtime.ts'

interface EngineError extends Error {
  /** Of an answer; undefined when there was none. */
  readonly statusCode?: number
  readonly json?: { readonly message?: string } | null
  readonly code?: string
  readonly syscall?: string
}

export function statusOf(error: unknown): number | undefined {
  return (error as EngineError).statusCode
}

export function engineMessage(error: unknown): string {
  const { json, message } = error as EngineError
  return (json?.message ?? message).trim()
}

/** An answer is the engine's refusal, under the code that the caller has for it. */
export function engineFailure(error: unknown, refusal: string): RuntimeFailure {
  if (error instanceof RuntimeFailure) return error
  const { code, syscall } = error as EngineError
  if (statusOf(error) !== undefined)
    return new RuntimeFailure(refusal, engineMessage(error), true, error)
  // Without a connection nothing was asked. Once there was one, nobody knows what became of it.
  const isUnasked = syscall === 'connect' || code === 'ENOTFOUND'
  const message = `the Docker engine does not answer: ${engineMessage(error)}`
  return new RuntimeFailure('engine-unavailable', message, isUnasked, error)
}

/**
 * The client never answers when the engine dies in the middle of an answer; so there is a time for each.
 */
export async function bounded<T>(answer: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    const message = `the Docker engine did not answer within ${timeoutMs} ms`
    timer = setTimeout(
      () => reject(new RuntimeFailure('engine-unavailable', message, false)),
      timeoutMs,
    )
  })
  try {
    return await Promise.race([answer, limit])
  } finally {
    clearTimeout(timer)
  }
}
