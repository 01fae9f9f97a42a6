import type { PaymentPayload, PaymentRequirements } from '@x402/core/types'
import { toClientEvmSigner, toFacilitatorEvmSigner } from '@x402/evm'
import { ExactEvmScheme as ExactClient } from '@x402/evm/exact/client'
import { ExactEvmScheme as ExactFacilitator } from '@x402/evm/exact/facilitator'
import { UptoEvmScheme as UptoClient } from '@x402/evm/upto/client'
import { UptoEvmScheme as UptoFacilitator } from '@x402/evm/upto/facilitator'
import { createWalletClient, erc20Abi, http, publicActions } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accountOf } from '../../../devnet/deploy.ts'
import { DEVNET_USDC } from '../../../devnet/stage.ts'
import { devnetPrivateKey } from '../../../src/node/devnetKeys.ts'
import type { Address } from '../../../src/protocol/index.ts'
import { DEVNET_SEED, startTestChain, type TestChain } from '../../support/devnetChain.ts'

const PAYEE: Address = `0x${'be'.repeat(20)}`
/** The extension by which a facilitator offers to bring a payer's EIP-2612 permit. */
const SPONSORED = { eip2612GasSponsoring: { info: { description: 'permits', version: '1' }, schema: {} } }

describe('stock x402 clients and facilitators on a devnet', { timeout: 60_000 }, () => {
  let chain: TestChain
  /** Holds tokens and never any ether. */
  const payer = accountOf(devnetPrivateKey(DEVNET_SEED, 'stock', 0))

  beforeAll(async () => {
    chain = await startTestChain({ verifier: 3, provider: 1 })
    const { client } = chain.anvil
    for (const [token, amount] of [
      [DEVNET_USDC, 100n * 10n ** 6n],
      [chain.network.contracts.opg, 100n * 10n ** 18n],
    ] as const) {
      const hash = await client.writeContract({
        ...{ account: chain.payer, address: token, abi: erc20Abi, functionName: 'transfer' },
        args: [payer.address, amount],
      })
      await client.waitForTransactionReceipt({ hash })
    }
  })

  afterAll(() => chain.stop())

  const facilitator = () => {
    const wallet = createWalletClient({
      ...{ account: chain.payer, chain: chain.anvil.client.chain, transport: http(chain.anvil.url) },
    }).extend(publicActions)
    return toFacilitatorEvmSigner({ ...wallet, address: chain.payer.address } as never)
  }
  const signer = () => toClientEvmSigner(payer, chain.anvil.client as never)

  const requirements = (scheme: string, asset: Address, amount: bigint, extra: object): PaymentRequirements => ({
    ...{ scheme, asset, amount: String(amount), payTo: PAYEE, maxTimeoutSeconds: 600 },
    network: `eip155:${chain.network.chainId}`,
    extra: { ...extra },
  })
  const usdc = { name: 'USDC', version: '2' }

  const payeeHolds = (token: Address) =>
    chain.anvil.client.readContract({ address: token, abi: erc20Abi, functionName: 'balanceOf', args: [PAYEE] })

  async function pay(
    client: Pick<ExactClient, 'createPaymentPayload'>,
    scheme: ExactFacilitator | UptoFacilitator,
    asked: PaymentRequirements,
    settled: bigint,
  ): Promise<bigint> {
    const made = await client.createPaymentPayload(2, asked, { extensions: SPONSORED } as never)
    const payload = { ...made, accepted: asked } as unknown as PaymentPayload
    expect(await scheme.verify(payload, asked)).toMatchObject({ isValid: true })
    const token = asked.asset as Address
    const before = await payeeHolds(token)
    expect(await scheme.settle(payload, { ...asked, amount: String(settled) })).toMatchObject({ success: true })
    expect(await chain.anvil.client.getBalance({ address: payer.address })).toBe(0n)
    return (await payeeHolds(token)) - before
  }

  it('pay exactly by EIP-3009, in USDC and in OPG', async () => {
    const [client, scheme] = [new ExactClient(signer()), new ExactFacilitator(facilitator())]
    expect(await pay(client, scheme, requirements('exact', DEVNET_USDC, 5n, usdc), 5n)).toBe(5n)
    const { opg } = chain.network.contracts
    const asked = requirements('exact', opg, 7n, { name: 'OPG', version: '1' })
    expect(await pay(client, scheme, asked, 7n)).toBe(7n)
  })

  it('pay exactly by Permit2, with a permit in place of an approval', async () => {
    const [client, scheme] = [new ExactClient(signer()), new ExactFacilitator(facilitator())]
    const asked = requirements('exact', DEVNET_USDC, 11n, { ...usdc, assetTransferMethod: 'permit2' })
    expect(await pay(client, scheme, asked, 11n)).toBe(11n)
  })

  it('pay up to a ceiling by Permit2', async () => {
    const [client, scheme] = [new UptoClient(signer()), new UptoFacilitator(facilitator())]
    const extra = { ...usdc, facilitatorAddress: chain.payer.address }
    expect(await pay(client, scheme, requirements('upto', DEVNET_USDC, 100n, extra), 37n)).toBe(37n)
  })
})
