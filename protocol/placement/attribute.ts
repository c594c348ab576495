/** What constraints, spreads and affinities can ask of a node. */
import type { MemberId } from '../base/id.ts'
import type { NodeBody } from './node-body.ts'

/** The value of `node.name`, `node.id`, `label.<key>` or a bare label key; undefined where it has none. */
export function attributeOf(
  attribute: string,
  member: MemberId,
  node: NodeBody,
): string | undefined {
  if (attribute === 'node.name') return node.name
  if (attribute === 'node.id') return member
  const key = attribute.startsWith('label.') ? attribute.slice('label.'.length) : attribute
  return Object.hasOwn(node.labels, key) ? node.labels[key] : undefined
}

/**
 * Whether the text matches one of the alternatives of a glob with `*` and `?`. Backtracks to the last star
 * only, so the worst case is the product of the lengths: 256 × 1024 steps.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  return pattern.split('|').some((alternative) => matchesAlternative(alternative, text))
}

function matchesAlternative(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let resume = 0
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++
      resume = t
    } else if (pattern[p] === '?' || pattern[p] === text[t]) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++resume
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
