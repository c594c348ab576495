/**
 * How long a suspicion lasts before it becomes a death: long while one observer is alone with it, short once
 * others have found the same (Lifeguard, Dadgar, Phillips, Currey, DSN-W 2018, section IV.B). Logarithms come from a
 * table of thousandths, so that every engine agrees.
 */
import { clamp } from '../base/integer.ts'

/** round(1000 · ln(n + 1)) for n = 0…10. */
const logThousandths = [0, 693, 1099, 1386, 1609, 1792, 1946, 2079, 2197, 2303, 2398]

/** `confirmations` of `others`, the other observers; none at all to ask means the minimum. */
export function suspicionTimeoutMs(
  { confirmations, others }: { confirmations: number; others: number },
  { minMs, maxMs }: { minMs: number; maxMs: number },
): number {
  const most = clamp(others, 0, logThousandths.length - 1)
  const have = clamp(confirmations, 0, most)
  if (have === most) return minMs
  return maxMs - Math.floor(((maxMs - minMs) * logThousandths[have]!) / logThousandths[most]!)
}
