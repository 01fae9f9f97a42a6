import {
  bytesOf,
  createSigner,
  judgeTokenWith,
  MAA_ISSUER,
  maaClaims,
  snpClaims,
  tdxClaims,
  trusting,
  vtpmClaims,
} from '../tokenMint.ts'
import { type FuzzTarget, gullibleCrypto } from './target.ts'

export async function maaFuzzTarget(): Promise<FuzzTarget> {
  const signer = await createSigner(MAA_ISSUER, 'RS256')
  const usual = { policy: trusting(signer, 'verifier-azure'), jwks: signer.jwks }
  const claims = [snpClaims(), tdxClaims(), vtpmClaims()]
  return {
    kind: 'maa',
    seeds: await Promise.all(claims.map(async (each) => bytesOf(await signer.sign(maaClaims(each))))),
    run: judgeTokenWith('maa', usual, gullibleCrypto),
  }
}
