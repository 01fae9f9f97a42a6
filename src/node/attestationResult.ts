import { createPrivateKey, createPublicKey, type KeyObject, webcrypto } from 'node:crypto'
import { earClaims, signEar } from '../attestation/index.ts'
import { canonicalBytes, type Json, sha256 } from '../protocol/index.ts'
import type { Appraisal, AppraisalInit } from './evidenceAppraisal.ts'
import { packageVersion } from './version.ts'

/** A key that signs attestation results, and its name in their headers. */
interface ResultSigner {
  readonly privateKey: webcrypto.CryptoKey
  /** RFC 7638 thumbprint, base64url. */
  readonly kid: string
}

/** Reads a private key on P-256 in PEM (PKCS #8 or SEC 1); undefined for anything else. */
async function readSigner(pem: string): Promise<ResultSigner | undefined> {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    return undefined
  }
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return undefined
  const { crv, kty, x, y } = createPublicKey(key).export({ format: 'jwk' })
  const der = key.export({ format: 'der', type: 'pkcs8' })
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const thumbprint = sha256(canonicalBytes({ crv, kty, x, y } as Json))
  return {
    privateKey: await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']),
    kid: Buffer.from(thumbprint.slice(2), 'hex').toString('base64url'),
  }
}

/** What a policy is called in results: the digest of its file, else the defaults that were taken. */
function policyId({ policy, network }: Pick<AppraisalInit, 'policy' | 'network'>): string {
  if (policy === undefined) return `urn:opg:policy:${network?.profile ?? 'production'}-any-program`
  return `urn:opg:policy:sha256:${sha256(canonicalBytes(policy as Json)).slice(2)}`
}

/**
 * A verdict as a signed EAT attestation result of the time it was judged at; undefined where `pem` is no private key on
 * P-256.
 */
export async function signResult(
  { verdict, at }: Pick<Appraisal, 'verdict' | 'at'>,
  init: Pick<AppraisalInit, 'policy' | 'network'>,
  pem: string,
): Promise<{ readonly token: string; readonly kid: string } | undefined> {
  const signer = await readSigner(pem)
  if (signer === undefined) return undefined
  const verifier = { developer: 'opg', build: `opg ${packageVersion()}` }
  const claims = earClaims(verdict, { verifier, policyId: policyId(init), issuedAt: at })
  return { token: await signEar(claims, signer.privateKey, signer.kid), kid: signer.kid }
}
