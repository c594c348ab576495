/**
 * One walk towards a key, as js-libp2p's kad-dht makes it: from the k nearest that the host knows, each the start
 * of a path of its own; who answers names the nearest that it knows; those that are new to all paths, nearer than
 * the one that named them and among the k nearest of the path are asked next, at once. It ends when no path has
 * anybody left to ask, or at the time limit.
 *
 * The whole walk is worked out when it begins. Not modelled: members that come and go while it lasts, and more
 * questions of one path at once than it may have (ten, which a path that starts from one does not reach).
 */

export interface Answer {
  readonly host: number
  /** After the walk's begin. */
  readonly atUs: number
  /** Questions that led here, this one included. */
  readonly depth: number
}

export interface Walk {
  /** In the order of time. */
  readonly answers: readonly Answer[]
  readonly asked: number
  /** Asked, and gone. */
  readonly failed: number
  /** When the last one answered or was given up. */
  readonly endUs: number
}

export interface WalkInit {
  readonly start: readonly number[]
  readonly k: number
  readonly limitUs: number
  distance(host: number): number
  /** What the host answers with. */
  closer(host: number): readonly number[]
  /** How long its answer takes; undefined when none will come, and it is given up after `patienceUs`. */
  ask(host: number): { readonly us: number; readonly isThere: boolean }
}

interface Asked {
  readonly host: number
  readonly path: number
  readonly depth: number
  readonly atUs: number
  readonly isThere: boolean
}

export function walk(init: WalkInit): Walk {
  const seen = new Set(init.start)
  const pending: Asked[] = []
  const paths: number[][] = init.start.map(() => [])
  const answers: Answer[] = []
  let [asked, failed, endUs] = [0, 0, 0]
  const question = (host: number, path: number, depth: number, nowUs: number) => {
    asked++
    const { us, isThere } = init.ask(host)
    pending.push({ host, path, depth, atUs: nowUs + us, isThere })
  }
  for (const [path, host] of init.start.entries()) question(host, path, 1, 0)
  for (let next = takeFirst(pending); next !== undefined; next = takeFirst(pending)) {
    const { host, path, depth, atUs, isThere } = next
    if (atUs > init.limitUs) {
      endUs = init.limitUs
      break
    }
    endUs = atUs
    if (!isThere) {
      failed++
      continue
    }
    answers.push({ host, atUs, depth })
    insert(paths[path]!, init.distance(host), init.k)
    for (const closer of init.closer(host)) {
      if (seen.has(closer) || init.distance(closer) >= init.distance(host)) continue
      if (!enters(paths[path]!, init.distance(closer), init.k)) continue
      seen.add(closer)
      question(closer, path, depth + 1, atUs)
    }
  }
  return { answers, asked, failed, endUs }
}

/** Few are pending, some tens: a search is as good as a heap. Ties in the order of asking. */
function takeFirst(pending: Asked[]): Asked | undefined {
  let first = 0
  for (let i = 1; i < pending.length; i++) if (pending[i]!.atUs < pending[first]!.atUs) first = i
  return pending.splice(first, 1)[0]
}

function insert(closest: number[], distance: number, k: number): void {
  let at = closest.length
  while (at > 0 && closest[at - 1]! > distance) at--
  closest.splice(at, 0, distance)
  if (closest.length > k) closest.pop()
}

function enters(closest: readonly number[], distance: number, k: number): boolean {
  return closest.length < k || distance < closest[k - 1]!
}
