import { encode } from 'cborg'
import { hexToBytes } from '../../protocol/index.ts'
import { concatBytes } from '../bytes.ts'
import type { AttestationCrypto } from '../crypto.ts'
import { TAG } from '../der/reader.ts'
import type { Certificate } from '../x509/certificate.ts'
import { publicKeyOf } from '../x509/ocsp.ts'

/** AlgorithmIdentifier of SHA-384 (RFC 5754, 2.3), which NVIDIA's responder is asked with. */
const SHA384 = hexToBytes('0x300d06096086480165030402020500')

/** An OCSP request about one certificate (RFC 6960, 4.1.1), DER: no nonce, so that an answer serves everybody until it ends. */
export function ocspRequest(certificate: Certificate, issuer: Certificate, crypto: AttestationCrypto): Uint8Array {
  const id = write(
    TAG.sequence,
    SHA384,
    write(TAG.octetString, crypto.digest('sha384', issuer.subject)),
    write(TAG.octetString, crypto.digest('sha384', publicKeyOf(issuer.spki))),
    write(TAG.integer, certificate.serial),
  )
  const list = write(TAG.sequence, write(TAG.sequence, id))
  return write(TAG.sequence, write(TAG.sequence, list))
}

/** Responses as they travel in `nvidia/ocsp`. */
export const encodeOcspBundle = (responses: readonly Uint8Array[]): Uint8Array => encode(responses)

/** One element; these stay below 64 kB. */
function write(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(...parts)
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return concatBytes(Uint8Array.of(tag, ...size), content)
}
