/**
 * Yamux answers every data frame with a window update, which doubles the number of frames that a small
 * message costs at both ends. On the streams of messages it may wait until a good part of the window has
 * been used, as the specification of yamux asks; the sender, which has the rest of the window, sees no
 * difference.
 */
import type { Stream } from '@libp2p/interface'

/** A quarter of the smallest window there is. */
const updateBytes = 64 * 1024

interface WithWindow {
  recvWindow?: number
  recvWindowCapacity?: number
  sendWindowUpdate?: () => void
}

export function spareWindowUpdates(stream: Stream): void {
  const yamux = stream as unknown as WithWindow
  const update = yamux.sendWindowUpdate
  if (update === undefined || yamux.recvWindow === undefined) return
  yamux.sendWindowUpdate = () => {
    const used = (yamux.recvWindow ?? 0) - (yamux.recvWindowCapacity ?? 0)
    if (used >= updateBytes) update.call(yamux)
  }
}
