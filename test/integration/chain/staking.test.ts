import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accountOf, startDevnetChain } from '../../../devnet/deploy.ts'
import {
  approveStakeCall,
  registerCall,
  registrationDigest,
  requestUnstakeCall,
  stakeCall,
} from '../../../src/chain/index.ts'
import { devnetPrivateKey } from '../../../src/node/devnetKeys.ts'
import { type Address, createDomain } from '../../../src/protocol/index.ts'
import { DEVNET_SEED, startTestChain, type TestChain } from '../../support/devnetChain.ts'

describe('the signing set', () => {
  let chain: TestChain

  beforeAll(async () => {
    chain = await startTestChain({ verifier: 4 })
  })

  afterAll(() => chain.stop())

  it('is not set up a second time over a chain that is there', async () => {
    const directory = dirname(chain.anvil.logFile)
    const again = startDevnetChain({ directory, operators: [], deployer: chain.payer })
    await expect(again).rejects.toMatchObject({ code: 'chain-exists' })
  })

  it('takes in a verifier that stakes while it runs, two epochs later (R13)', async () => {
    const operator = accountOf(devnetPrivateKey(DEVNET_SEED, 'newcomer', 0))
    const key = operator.address.toLowerCase() as Address
    const owner = chain.payer.address.toLowerCase() as Address
    const owning = chain.client({ signer: chain.payer })
    await owning.start()
    const { contracts, chainId, networkId } = chain.network
    const deadline = BigInt(Math.floor(owning.chainNow() / 1_000) + 600)
    const registration = { operator: key, owner, payout: owner, deadline }
    const digest = registrationDigest(createDomain(chainId, contracts.stakeManager, networkId), registration)
    const amount = 2_000n * 10n ** 18n
    const calls = [
      approveStakeCall(contracts, amount),
      registerCall(contracts, registration, await operator.sign!({ hash: digest })),
      stakeCall(contracts, key, 'verifier', amount),
    ]
    for (const call of calls) expect(await owning.send(call)).toMatchObject({ ok: true })
    const early = await owning.ensureSeated(key)
    expect(early.ok ? undefined : early.error.detail).toMatchObject({ code: 'reverted', error: 'NotMatured' })

    const epoch = owning.epochAt(owning.head().timestamp) + 2
    expect(await owning.maturedStake(key, 'verifier', epoch - 1)).toBe(0n)
    expect(await owning.maturedStake(key, 'verifier', epoch)).toBe(amount)
    await chain.anvil.setTime(owning.epochStart(epoch) / 1_000 + 5)
    while (owning.epochAt(owning.head().timestamp) < epoch) await new Promise((resolve) => setTimeout(resolve, 20))
    expect(await owning.ensureSeated(key)).toMatchObject({ ok: true, value: { done: 'now' } })
    expect(await owning.ensureSeated(key)).toEqual({ ok: true, value: { done: 'already' } })
    expect(await owning.ensureOpened(epoch)).toMatchObject({ ok: true, value: { done: 'now' } })
    expect((await owning.signingSet(epoch))?.signers.at(-1)).toEqual({ seat: 4, operator: key, weight: amount })

    expect(await owning.send(requestUnstakeCall(contracts, key, 'verifier', amount))).toMatchObject({ ok: true })
    expect(await owning.maturedStake(key, 'verifier', epoch)).toBe(0n)
    expect(await owning.verifiers(epoch)).toHaveLength(5)
    await owning.stop()
  })
})
