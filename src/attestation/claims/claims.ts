/** What a document says of itself. Nothing about it is verified: whoever shows it must say so. */
export interface DocumentClaims {
  /** In the document's order, names as its format gives them. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** DER of the certificates it carries, in its order. */
  readonly certificates: readonly Uint8Array[]
  /** Milliseconds since 1970: its own time, where its format has one. */
  readonly issuedAt: number | undefined
}
