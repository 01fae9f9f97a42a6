import { readFileSync } from 'node:fs'
import {
  concatHex,
  encodeAbiParameters,
  type Hex,
  hashTypedData,
  keccak256,
  recoverAddress,
  hashStruct as viemHashStruct,
} from 'viem'
import { describe, expect, it } from 'vitest'
import { GOLDEN_PATH, renderGolden } from '../../../scripts/generateGolden.ts'
import {
  createDomain,
  type Digest,
  DOMAIN_NAME,
  DOMAIN_TYPE_STRING,
  DOMAIN_VERSION,
  digestOf,
  hashStruct,
  SIGNED_TYPES,
  type StructType,
  structProblem,
  verifyMerkleProof,
} from '../../../src/protocol/index.ts'
import { committeeByTheText, hashOf, leafOf, orderByTheText, pairOf, seatsByTheText } from '../../property/reference.ts'

type Text = { readonly [name: string]: string }
interface GoldenType {
  readonly typeString: string
  readonly typeHash: Hex
  readonly values: readonly Text[]
  readonly encoded: readonly Hex[]
  readonly structHash: readonly Hex[]
  readonly digestInFirst: readonly Hex[]
  readonly digestInSecond: readonly Hex[]
  readonly signatureInFirst: readonly Hex[]
}

const stored = readFileSync(GOLDEN_PATH, 'utf8')
const golden = JSON.parse(stored)

const [first, second] = [0, 1].map((at) => ({
  chainId: Number(golden.domains.chainId[at]),
  verifyingContract: golden.domains.verifyingContract[at] as Hex,
  salt: golden.domains.networkId[at] as Hex,
})) as [DomainFields, DomainFields]
interface DomainFields {
  readonly chainId: number
  readonly verifyingContract: Hex
  readonly salt: Hex
}
const ourDomain = (domain: DomainFields) => createDomain(domain.chainId, domain.verifyingContract, domain.salt)

/** The value our encoder takes: uint64 and narrower as numbers, wider as bigints. */
const oursOf = (type: StructType, value: Text) =>
  Object.fromEntries(
    type.names.map((name) => {
      const [kind, text] = [type.fields[name], value[name]!]
      if (kind === 'uint128' || kind === 'uint256') return [name, BigInt(text)]
      return [name, kind === 'address' || kind === 'bytes32' ? text : Number(text)]
    }),
  )

const viemTypesOf = (type: StructType) => ({
  EIP712Domain: DOMAIN_TYPE_STRING.slice('EIP712Domain('.length, -1)
    .split(',')
    .map((field) => ({ type: field.split(' ')[0]!, name: field.split(' ')[1]! })),
  [type.name]: type.names.map((name) => ({ name, type: type.fields[name] as string })),
})
const viemMessageOf = (type: StructType, value: Text) =>
  Object.fromEntries(
    type.names.map((name) => [name, type.fields[name]?.startsWith('uint') ? BigInt(value[name]!) : value[name]!]),
  )

describe('golden vectors', () => {
  it('are what the code gives, byte for byte', () => {
    expect(renderGolden()).toBe(stored)
  })

  it('R2 hold network ids by the text of the rule', () => {
    for (const at of [0, 1]) {
      expect(
        hashOf(
          'OPG/network/1',
          BigInt(golden.domains.chainId[at]),
          golden.domains.verifyingContract[at],
          golden.domains.deploymentParentHash[at],
        ),
      ).toBe(golden.domains.networkId[at])
    }
  })

  it('cover every signed type with six values', () => {
    expect(Object.keys(golden.types)).toEqual(SIGNED_TYPES.map((type) => type.name))
    for (const { values } of Object.values<GoldenType>(golden.types)) expect(values).toHaveLength(6)
  })

  describe.each(SIGNED_TYPES.map((type) => [type.name, type] as const))('R3 %s', (name, type) => {
    const vectors: GoldenType = golden.types[name]

    it('is encoded and hashed alike by our encoder', () => {
      expect(type.typeString).toBe(vectors.typeString)
      for (const [at, value] of vectors.values.entries()) {
        const ours = oursOf(type, value) as never
        expect(structProblem(type, ours)).toBeUndefined()
        expect(hashStruct(type, ours)).toBe(vectors.structHash[at])
        expect(digestOf(ourDomain(first), type, ours)).toBe(vectors.digestInFirst[at])
        expect(digestOf(ourDomain(second), type, ours)).toBe(vectors.digestInSecond[at])
      }
    })

    it('is encoded and hashed alike by viem', () => {
      const types = viemTypesOf(type)
      expect(keccak256(new TextEncoder().encode(vectors.typeString))).toBe(vectors.typeHash)
      for (const [at, value] of vectors.values.entries()) {
        const message = viemMessageOf(type, value)
        const words = encodeAbiParameters(
          type.names.map((field) => ({ type: type.fields[field] as string })),
          type.names.map((field) => message[field]),
        )
        expect(words).toBe(vectors.encoded[at])
        expect(keccak256(concatHex([vectors.typeHash, words]))).toBe(vectors.structHash[at])
        expect(viemHashStruct({ data: message, primaryType: name, types })).toBe(vectors.structHash[at])
        for (const [domain, digests] of [
          [first, vectors.digestInFirst],
          [second, vectors.digestInSecond],
        ] as const) {
          const typed = { domain: { name: DOMAIN_NAME, version: DOMAIN_VERSION, ...domain }, primaryType: name, types }
          expect(hashTypedData({ ...typed, message } as never)).toBe(digests[at])
        }
      }
    })

    it('is signed by the known key, low-s, v of 27 or 28', async () => {
      for (const [at, signature] of vectors.signatureInFirst.entries()) {
        const recovered = await recoverAddress({ hash: vectors.digestInFirst[at]!, signature })
        expect(recovered.toLowerCase()).toBe(golden.key.address)
        expect(BigInt(`0x${signature.slice(66, 130)}`) * 2n).toBeLessThan(2n ** 256n)
        expect(['1b', '1c']).toContain(signature.slice(130))
        expect(signature).toHaveLength(132)
      }
    })
  })

  it('hold trees whose nodes follow the text of the rule', () => {
    for (const { tag, digests, root, proofs } of golden.trees) {
      const name = tag.split('/')[2]
      for (const [index, digest] of digests.entries()) {
        const climbed = proofs[index].reduce(pairOf, leafOf(tag, index, digest))
        expect(climbed).toBe(root)
        expect(verifyMerkleProof(name, root, index, digest, proofs[index])).toBe(true)
        expect(verifyMerkleProof(name, root, index + 1, digest, proofs[index])).toBe(false)
      }
    }
  })

  it('hold a chunk chain, an input and a trace by the text of the rules', () => {
    const { jobId, data, salts, heads } = golden.chunks
    expect(heads[0]).toBe(hashOf('OPG/chunk/0', jobId))
    for (const [at, bytes] of data.entries()) {
      const content = hashOf('OPG/chunk/data/1', salts[at], keccak256(bytes))
      expect(heads[at + 1]).toBe(hashOf('OPG/chunk/1', heads[at], BigInt(at + 1), content))
    }
    const inputs = golden.inputs
    for (const [at, bytes] of inputs.data.entries()) {
      expect(hashOf('OPG/input/1', inputs.salts[at], keccak256(bytes))).toBe(inputs.inputHash[at])
    }
    expect(hashOf('OPG/trace/1', inputs.runtimeClass, inputs.traceHash)).toBe(inputs.trace)
  })

  it('R5 hold report data and the nonce of a GPU by the text of the rule', () => {
    const a = golden.attestation
    const head = [BigInt(a.chainId), a.networkId, a.operator, a.sessionKey, a.encryptionKey, a.modelsRoot]
    const block = [BigInt(a.blockNumber), a.blockHash]
    expect(hashOf('OPG/attest/1', ...head, a.gpuEvidenceDigest, ...block)).toBe(a.reportData)
    expect(hashOf('OPG/attest/1', ...head, `0x${'0'.repeat(64)}`, ...block)).toBe(a.reportDataWithoutGpu)
    expect(hashOf('OPG/attest/1', ...head, ...block)).toBe(a.gpuNonce)
  })

  it('hold fees by the text of the rule', () => {
    const { fees } = golden
    for (const at of fees.fee.keys()) {
      const row = (name: string): bigint => BigInt(fees[name][at])
      const mac = row('macIn') * row('inputUnits') + row('macOut') * row('outputUnits')
      const units = row('inputUnits') + row('outputUnits')
      const rate = row('referenceRate')
      const cap = rate === 0n ? 0n : (units * 1500n + rate - 1n) / rate
      const elapsed = row('finishedAt') - row('startedAt')
      const ms = elapsed < cap ? elapsed : cap
      const scaled =
        row('perGMAC') * mac + row('perSecond') * ms * 1_000_000n + row('perGBSecond') * row('memoryMB') * ms * 1_000n
      const fee = row('perRequest') + scaled / 1_000_000_000n
      expect([mac, ms, fee]).toEqual([row('mac'), row('billedMs'), row('fee')])
      expect([(fee * 20n) / 100n, fee - (fee * 20n) / 100n]).toEqual([row('networkShare'), row('providerShare')])
    }
  })

  it('hold rewards whose leaves hash account and cumulative amount', () => {
    const { accounts, cumulatives, digests, root, proofs } = golden.rewards
    const given: Hex[] = accounts.map((account: Hex, at: number) =>
      hashOf('OPG/reward/1', account, BigInt(cumulatives[at])),
    )
    expect(given).toEqual(digests)
    expect(new Set(given).size).toBe(5)
    for (const [at, digest] of given.entries()) {
      expect(verifyMerkleProof('reward', root, at, digest, proofs[at])).toBe(true)
      expect(verifyMerkleProof('reward', root, (at + 1) % 5, digest, proofs[at])).toBe(false)
    }
  })

  it('R13 R14 R19 hold seats, committees, replays and orders by the text of the rules', () => {
    const { seats } = golden
    const stakes = seats.operators.map((operator: Hex, at: number) => ({
      operator,
      owner: seats.owners[at],
      weight: BigInt(seats.weights[at]),
    }))
    expect(seatsByTheText(stakes, seats.epochSeed, 128)).toEqual(seats.seats)
    const held = seats.seats.map((operator: Hex) =>
      stakes.find((stake: { operator: Hex }) => stake.operator === operator),
    )
    for (const committee of seats.committees) {
      const { blockHash, operator, owner, sequence, seed } = committee
      expect(hashOf('OPG/fast/1', seats.epochSeed, blockHash, operator, BigInt(sequence))).toBe(seed)
      expect(committeeByTheText(held, seed, operator, owner)).toEqual(
        committee.seats.map((seat: string, at: number) => ({ seat: Number(seat), verifier: committee.verifiers[at] })),
      )
    }
    const { seed, seat, ratePpm, receipts } = seats.replay
    const drawn = [...Array(256).keys()].filter(
      (index) => BigInt(hashOf('OPG/replay/1', seed, BigInt(seat), BigInt(index))) % 1_000_000n < BigInt(ratePpm),
    )
    expect(drawn.map(String)).toEqual(receipts)
    const { settlers, previousBatch, numbers, orders } = golden.settlers
    const ordered = [...settlers].sort()
    for (const [at, number] of numbers.entries()) {
      const orderSeed = hashOf('OPG/settler/seed/1', previousBatch as Digest, BigInt(number))
      expect(orderByTheText('OPG/settler/1', orderSeed, ordered.length).map((index) => ordered[index])).toEqual(
        orders[at],
      )
    }
  })
})
