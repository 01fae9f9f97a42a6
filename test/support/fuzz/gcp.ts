import { bytesOf, createSigner, GCP_ISSUER, gcpClaims, judgeTokenWith, trusting } from '../tokenMint.ts'
import { type FuzzTarget, gullibleCrypto } from './target.ts'

export async function gcpFuzzTarget(): Promise<FuzzTarget> {
  const signer = await createSigner(GCP_ISSUER, 'RS256')
  const usual = { policy: trusting(signer, 'verifier-google'), jwks: signer.jwks }
  return {
    kind: 'gcp',
    seeds: [bytesOf(await signer.sign(gcpClaims())), bytesOf(await signer.sign(gcpClaims({ hwmodel: 'GCP_AMD_SEV' })))],
    run: judgeTokenWith('gcp', usual, gullibleCrypto),
  }
}
