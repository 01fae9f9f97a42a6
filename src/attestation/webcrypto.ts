/** The cryptography port of this room (R28): WebCrypto as Node and browsers ship it. */
export type Subtle = (typeof globalThis)['crypto']['subtle']

export type WebKey = Awaited<ReturnType<Subtle['importKey']>>

export interface WebKeyPair {
  readonly publicKey: WebKey
  readonly privateKey: WebKey
}

/** The one curve and hash of Nitro documents and their certificates (COSE ES384). */
export const P384 = { name: 'ECDSA', namedCurve: 'P-384' } as const
export const P384_SHA384 = { name: 'ECDSA', hash: 'SHA-384' } as const
