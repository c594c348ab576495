/** Gets an image onto this machine. Two tasks that want the same one pull it once. */
import type Docker from 'dockerode'
import { withTag } from './docker-container.ts'
import { engineFailure, engineMessage } from './docker-failure.ts'
import { RuntimeFailure } from './runtime.ts'

/** 1 GB at 2 MB/s. */
const pullTimeoutMs = 10 * 60_000

export class ImagePuller {
  readonly #docker: Docker
  readonly #pulling = new Map<string, Promise<void>>()

  constructor(docker: Docker) {
    this.#docker = docker
  }

  /** Rejects with a RuntimeFailure. */
  pull(image: string): Promise<void> {
    const name = withTag(image)
    const underWay = this.#pulling.get(name)
    if (underWay) return underWay
    const pulling = this.#pull(name).finally(() => this.#pulling.delete(name))
    this.#pulling.set(name, pulling)
    return pulling
  }

  async #pull(name: string): Promise<void> {
    let refusal: string | undefined
    try {
      const abortSignal = AbortSignal.timeout(pullTimeoutMs)
      const progress = await this.#docker.pull(name, { abortSignal })
      refusal = await readRefusal(progress)
    } catch (error) {
      const failure = engineFailure(error, 'image-missing')
      if (failure.code !== 'image-missing') throw failure
      refusal = engineMessage(error)
    }
    if (refusal !== undefined)
      throw new RuntimeFailure(
        'image-missing',
        `image ${name} is not on this machine and could not be pulled: ${refusal}`,
        true,
      )
  }
}

/** The engine answers with 200 and tells in its last line that it failed. */
async function readRefusal(progress: NodeJS.ReadableStream): Promise<string | undefined> {
  let rest = ''
  let refusal: string | undefined
  for await (const chunk of progress) {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) refusal = refusalOf(line) ?? refusal
  }
  return refusalOf(rest) ?? refusal
}

function refusalOf(line: string): string | undefined {
  try {
    return (JSON.parse(line) as { error?: string }).error
  } catch {
    return undefined
  }
}
