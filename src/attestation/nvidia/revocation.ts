import { ok, type Result } from '../../protocol/index.ts'
import { decodeCbor, describe } from '../cbor.ts'
import { type AttestationError, refuse } from '../errors.ts'
import type { VerifierContext } from '../evidence.ts'
import type { Certificate } from '../x509/certificate.ts'
import { answerAbout, judgeAnswer, type OcspResponse, parseOcspResponse, verifyOcspSigner } from '../x509/ocsp.ts'

/** Responses of a bundle: three for each of 16 devices, most of them shared, and six for two manifests. */
const MAX_RESPONSES = 64

/** Responses of a bundle, each DER: `malformed-ocsp`. */
export function parseOcspBundle(bytes: Uint8Array): Result<readonly OcspResponse[], AttestationError> {
  const decoded = decodeCbor(bytes, { malformed: 'malformed-ocsp', lenient: false })
  if (!decoded.ok) return decoded
  const items: unknown = decoded.value
  if (!Array.isArray(items) || items.length < 1 || items.length > MAX_RESPONSES)
    return refuse('malformed-ocsp', `an array of 1 to ${MAX_RESPONSES} responses`, describe(items))
  const responses: OcspResponse[] = []
  for (const item of items as unknown[]) {
    if (!(item instanceof Uint8Array)) return refuse('malformed-ocsp', 'the DER of a response', describe(item))
    const response = parseOcspResponse(item)
    if (!response.ok) return response
    responses.push(response.value)
  }
  return ok(responses)
}

export interface RevocationAnswers {
  /** Whether every certificate asked about was answered for. */
  readonly complete: boolean
  /** Milliseconds since 1970: the earliest end of an answer that was used, or of who signed it. */
  readonly expiresAt: number
}

/**
 * Judges every answer about the certificates of `chains` (root first) below their roots. Responses that speak of none of
 * them are passed over. Whoever answers must be signed for, in date, and say `good`: one bad answer refuses all.
 */
export async function judgeRevocation(
  chains: readonly (readonly Certificate[])[],
  responses: readonly OcspResponse[],
  { now, crypto, policy }: VerifierContext,
): Promise<Result<RevocationAnswers, AttestationError>> {
  const rules = { at: now, crypto, revoked: new Set(policy.revokedCertificates) }
  const judged = new Map<Certificate, boolean>()
  let expiresAt = Number.POSITIVE_INFINITY
  for (const chain of chains) {
    for (const [above, certificate] of chain.slice(1).entries()) {
      const issuers = chain.slice(0, above + 1)
      const issuer = issuers.at(-1)
      if (issuer === undefined || judged.has(certificate)) continue
      judged.set(certificate, false)
      for (const response of responses) {
        const answer = answerAbout(response, certificate, issuer, crypto)
        if (answer === undefined) continue
        const signed = await verifyOcspSigner(response, issuers, rules)
        if (!signed.ok) return signed
        const good = judgeAnswer(answer, certificate, now)
        if (!good.ok) return good
        judged.set(certificate, true)
        expiresAt = Math.min(expiresAt, answer.nextUpdate, signed.value.notAfter)
      }
    }
  }
  return ok({ complete: [...judged.values()].every(Boolean), expiresAt })
}
