import { type Attester, type EncryptionKey, evidenceDigest, type Sealing } from '../../attestation/index.ts'
import type { BlockRef } from '../../chain/index.ts'
import {
  type ActiveGrant,
  bindingOf,
  createSigner,
  type Digest,
  type Domain,
  digestOf,
  type Evidence,
  gpuNonce,
  hexToBytes,
  modelsRootOf,
  type Parameters,
  type PeerBinding,
  type Random,
  reportData,
  SESSION_GRANT,
  type Secp256k1,
  type SignedGrant,
  type Signer,
} from '../../protocol/index.ts'

/** Keys made where inference runs (R4), and the grant and evidence that speak for them. */
export interface Session {
  readonly grant: Omit<ActiveGrant, 'assurance'>
  readonly encryptionKey: EncryptionKey
}

export interface SessionComponents {
  readonly chain: { head(): BlockRef; blockByNumber(number: number): Promise<BlockRef | undefined> }
  readonly crypto: Secp256k1
  readonly random: Random
  readonly attester: Attester
  /** Makes evidence of kind `nvidia-gpu`, where a GPU is attested beside the processor. */
  readonly gpuAttester?: Attester
  readonly sealing: Sealing
  readonly operator: Signer
}

export interface SessionInit {
  readonly domain: Domain
  readonly parameters: Parameters
  readonly models: readonly Digest[]
  readonly policyEpoch: number
  readonly previousGrant: Digest
  readonly now: number
}

/** Makes a session: keys, evidence about them (R5), and the operator's signature over both (R4). */
export async function openSession(components: SessionComponents, init: SessionInit): Promise<Session> {
  const { chain, crypto, random, sealing, operator } = components
  const session = createSigner(crypto, random(32))
  const encryptionKey = await sealing.generateEncryptionKey()
  const modelsRoot = modelsRootOf(init.models)
  const block = await chain.blockByNumber(Math.max(0, chain.head().number - init.parameters.evidenceDepth))
  if (block === undefined) throw new RangeError('the chain has no block deep enough for evidence to bind')
  const keys = {
    operator: operator.address,
    sessionKey: session.address,
    encryptionKey: encryptionKey.publicKey,
    modelsRoot,
  }
  const bound = { blockNumber: block.number, blockHash: block.hash }
  const evidence = await attestBoth(components, bindingOf(init.domain, keys, bound), init.now)
  const grant = {
    ...keys,
    evidence: evidenceDigest(evidence.kind, evidence.document),
    policyEpoch: init.policyEpoch,
    previousGrant: init.previousGrant,
    notBefore: init.now,
    notAfter: init.now + init.parameters.grantLife,
  }
  const digest = digestOf(init.domain, SESSION_GRANT, grant)
  const signed: SignedGrant = {
    grant,
    signature: operator.sign(digest),
    evidence: { ...evidence, ...bound },
  }
  return { grant: { signed, digest, session, models: init.models }, encryptionKey }
}

/** R5: the GPU answers to the nonce of this binding first, then the processor binds that answer. */
async function attestBoth(
  { attester, gpuAttester }: Pick<SessionComponents, 'attester' | 'gpuAttester'>,
  binding: PeerBinding,
  now: number,
): Promise<Omit<Evidence, 'blockNumber' | 'blockHash'>> {
  if (gpuAttester === undefined) {
    return { kind: attester.kind, ...(await attester.attest(hexToBytes(reportData(binding)), now)) }
  }
  const gpu = await gpuAttester.attest(hexToBytes(gpuNonce(binding)), now)
  const gpuEvidenceDigest = evidenceDigest(gpuAttester.kind, gpu.document)
  const cpu = await attester.attest(hexToBytes(reportData({ ...binding, gpuEvidenceDigest })), now)
  return { kind: attester.kind, ...cpu, gpu }
}
