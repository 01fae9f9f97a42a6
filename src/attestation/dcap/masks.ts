/** Whether two values of one length agree in the bits of the mask, in all of them without one. */
export const equalMasked = (got: Uint8Array, expected: Uint8Array, mask?: Uint8Array): boolean =>
  got.length === expected.length &&
  got.every((byte, at) => ((byte ^ (expected[at] ?? 0)) & (mask === undefined ? 0xff : (mask[at] ?? 0xff))) === 0)
