/**
 * How long a doubt lasts before it becomes a death: long while one observer is alone with it, short once some
 * others have found the same (Lifeguard, Dadgar, Phillips, Currey, DSN-W 2018, section IV.B). Logarithms come from a
 * table of thousandths, so that every engine agrees.
 */
import { clamp } from '../base/integer.ts'

/**
 * Confirmations that are enough, Lifeguard's k. With 5 % of the packets lost one probe in a hundred is not answered in
 * time: by three more at the same moment one in 10^8, where a single word from the subject ends it. All the
 * others would be too many: some have died with it, and the request or the report of another is late.
 */
export const witnesses = 3

/** round(1000 · ln(n + 1)) for n = 0…witnesses. */
const logThousandths = [0, 693, 1099, 1386]

/** `confirmations` of `others`, the other observers; none at all to ask means the minimum. */
export function suspicionTimeoutMs(
  { confirmations, others }: { confirmations: number; others: number },
  { minMs, maxMs }: { minMs: number; maxMs: number },
): number {
  const most = clamp(others, 0, witnesses)
  const have = clamp(confirmations, 0, most)
  if (have === most) return minMs
  return maxMs - Math.floor(((maxMs - minMs) * logThousandths[have]!) / logThousandths[most]!)
}
