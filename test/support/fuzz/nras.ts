import { createSigner, gpuClaims, judgeTokenWith, mintNras, trusting } from '../tokenMint.ts'
import { type FuzzTarget, gullibleCrypto } from './target.ts'

export async function nrasFuzzTarget(): Promise<FuzzTarget> {
  const signer = await createSigner('https://nras.attestation.nvidia.com', 'ES384')
  const usual = { policy: trusting(signer, 'verifier-nvidia'), jwks: signer.jwks }
  return {
    kind: 'nras',
    seeds: [await mintNras(signer), await mintNras(signer, { gpus: [gpuClaims(), gpuClaims({ ueid: '2' })] })],
    run: judgeTokenWith('nras', usual, gullibleCrypto),
  }
}
