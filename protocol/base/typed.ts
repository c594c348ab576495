/** Arrays of numbers that grow. */

/** A longer one, which begins with what this one holds. */
export function grown<T extends Float64Array | Int32Array | Uint32Array | Uint8Array>(
  held: T,
  length: number,
): T {
  const room = new (held.constructor as new (length: number) => T)(length)
  room.set(held)
  return room
}
