import { type Attester, type EncryptionKey, evidenceDigest, type Sealing } from '../../attestation/index.ts'
import type { BlockRef } from '../../chain/index.ts'
import {
  type ActiveGrant,
  createSigner,
  type Digest,
  type Domain,
  digestOf,
  hexToBytes,
  modelsRootOf,
  type Parameters,
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
  const { chain, crypto, random, attester, sealing, operator } = components
  const session = createSigner(crypto, random(32))
  const encryptionKey = await sealing.generateEncryptionKey()
  const modelsRoot = modelsRootOf(init.models)
  const block = await chain.blockByNumber(Math.max(0, chain.head().number - init.parameters.evidenceDepth))
  if (block === undefined) throw new RangeError('the chain has no block deep enough for evidence to bind')
  const bound = reportData({
    chainId: init.domain.chainId,
    networkId: init.domain.networkId,
    operator: operator.address,
    sessionKey: session.address,
    encryptionKey: encryptionKey.publicKey,
    modelsRoot,
    blockNumber: block.number,
    blockHash: block.hash,
  })
  const { document, collateral } = await attester.attest(hexToBytes(bound), init.now)
  const grant = {
    operator: operator.address,
    sessionKey: session.address,
    encryptionKey: encryptionKey.publicKey,
    evidence: evidenceDigest(attester.kind, document),
    modelsRoot,
    policyEpoch: init.policyEpoch,
    previousGrant: init.previousGrant,
    notBefore: init.now,
    notAfter: init.now + init.parameters.grantLife,
  }
  const digest = digestOf(init.domain, SESSION_GRANT, grant)
  const signed: SignedGrant = {
    grant,
    signature: operator.sign(digest),
    evidence: {
      kind: attester.kind,
      document,
      blockNumber: block.number,
      blockHash: block.hash,
      collateral,
    },
  }
  return { grant: { signed, digest, session, models: init.models }, encryptionKey }
}
