/** What the codec carries: JSON values and bytes. Never `undefined`, never a float that must agree. */
export type Value =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [key: string]: Value }
