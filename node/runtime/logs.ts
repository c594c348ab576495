/** Reads a task's logs, and goes on reading until it has ended. Nothing tells the order of two streams. */
import { setTimeout as wait } from 'node:timers/promises'
import type { LogFile, Place } from './log-file.ts'

export interface Reading {
  readonly logs: readonly LogFile[]
  readonly follow: boolean
  readonly tail: number | undefined
  readonly signal: AbortSignal
  /** No more will be written. */
  readonly hasEnded: () => boolean
}

/** A person does not see the difference, and a stat ten times a second costs nothing. */
const pollIntervalMs = 100

export async function* readLogs(reading: Reading): AsyncGenerator<Uint8Array, void, void> {
  const { logs, follow, tail, signal, hasEnded } = reading
  const places: Place[] = await Promise.all(logs.map((log) => log.placeOfTail(tail)))
  while (!signal.aborted) {
    // Asked before the last reading, so that what came just before the end is read too.
    const ended = !follow || hasEnded()
    for (const [i, log] of logs.entries()) {
      for (;;) {
        const { bytes, next } = await log.read(places[i]!)
        places[i] = next
        if (bytes.length === 0 || signal.aborted) break
        yield bytes
        if (signal.aborted) return
      }
    }
    if (ended) return
    await wait(pollIntervalMs, undefined, { signal }).catch(() => undefined)
  }
}
