/** Runs a command inside a running container, for a command check or by hand. */
import type Docker from 'dockerode'
import { ask } from './docker-engine.ts'
import { payloads } from './docker-output.ts'
import { isOfContainer } from './docker-process.ts'
import { BoundedOutput, outputBytesMax } from './execute.ts'
import { kill } from './leftovers.ts'

export async function executeInside(
  docker: Docker,
  container: string,
  command: readonly string[],
  timeoutMs: number,
): Promise<{ exitCode: number | null; output: string }> {
  const options = { Cmd: [...command], AttachStdout: true, AttachStderr: true }
  const exec = await ask('exec-failed', docker.getContainer(container).exec(options))
  const stream = await ask('exec-failed', exec.start({}))
  const output = new BoundedOutput(outputBytesMax)
  if (await readWithin(stream, output, timeoutMs)) {
    const { ExitCode } = await ask('exec-failed', exec.inspect())
    return { exitCode: ExitCode, output: output.text() }
  }
  const { Pid } = await ask('exec-failed', exec.inspect())
  // The engine cannot end a command.
  if (isOfContainer(Pid, container)) kill(Pid, 'SIGKILL')
  return { exitCode: null, output: `${output.text()}no end within ${timeoutMs} ms` }
}

/** False when the time was over first. */
async function readWithin(
  stream: NodeJS.ReadableStream & { destroy(): void },
  output: BoundedOutput,
  timeoutMs: number,
): Promise<boolean> {
  let isInTime = true
  const timer = setTimeout(() => {
    isInTime = false
    stream.destroy()
  }, timeoutMs)
  try {
    for await (const payload of payloads(stream as AsyncIterable<Uint8Array>)) output.push(payload)
  } catch (error) {
    if (isInTime) throw error
  } finally {
    clearTimeout(timer)
  }
  return isInTime
}
