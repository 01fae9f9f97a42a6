import type { LocalAccount } from 'viem'
import { createDepositWallet, depositCallOf, x402ContextOf } from '../../../src/payment/index.ts'
import type { Payee } from '../../../src/protocol/index.ts'
import type { TestChain } from '../../support/devnetChain.ts'
import { random } from '../../support/peers.ts'
import { CHANNEL_FUNDS, signedChannel } from './signed.ts'

/** Deposits `CHANNEL_FUNDS` of OPG on each of the first channels of the test chain's payer to `payee`. */
export async function fundChannels(chain: TestChain, payee: Payee, channels: number): Promise<void> {
  const account: LocalAccount = chain.payer
  const client = chain.client({ signer: account })
  await client.start()
  const { domain } = x402ContextOf(chain.network)
  const wallet = createDepositWallet({ account, chain: client, random })
  for (let index = 0; index < channels; index += 1) {
    const { config } = signedChannel(domain, payee, index, 0)
    const authorization = await wallet.authorize(config, CHANNEL_FUNDS)
    const sent = await client.send(
      depositCallOf(chain.network.contracts, { config, amount: CHANNEL_FUNDS, authorization }),
    )
    if (!sent.ok) throw sent.error
  }
  await client.stop()
}
