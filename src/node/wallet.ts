import { existsSync } from 'node:fs'
import type { LocalAccount } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import type { NetworkFile } from '../chain/index.ts'
import { type Address, bytesToHex, type Secp256k1 } from '../protocol/index.ts'
import { NodeError } from './errors.ts'
import type { Home } from './home.ts'
import { readKeyFile, writeKeyFile } from './keystore.ts'
import { DEVNET_PASSWORD, findPassword } from './operatorKey.ts'

/** Role a wallet's key file names: the owner's, which stakes, votes and is paid (R1). */
export const OWNER_ROLE = 'owner'

/** Where a home keeps its wallet, unless a command names another file. */
export const WALLET_FILE = 'keys/owner.json'

const VARIABLES = { password: 'OPG_WALLET_PASSWORD', file: 'OPG_WALLET_PASSWORD_FILE' } as const

type Environment = { readonly [name: string]: string | undefined }

/** The account of a wallet; its key stays in it. Throws KeystoreError or NodeError `password-missing`. */
export async function openWallet(
  path: string,
  network: Pick<NetworkFile, 'networkId' | 'profile'>,
  crypto: Secp256k1,
  environment: Environment,
): Promise<LocalAccount> {
  const { networkId, profile } = network
  const password = await findPassword(profile, environment, VARIABLES)
  const { privateKey } = await readKeyFile(path, password, { networkId, profile, role: OWNER_ROLE }, crypto)
  return privateKeyToAccount(bytesToHex(privateKey))
}

/**
 * What a requester of the home pays with. Undefined on a devnet alone, where some providers take unpaid jobs. Throws
 * NodeError `wallet-missing`, and as `openWallet`.
 */
export async function findWallet(
  home: Home,
  network: Pick<NetworkFile, 'networkId' | 'profile'>,
  crypto: Secp256k1,
  environment: Environment,
): Promise<LocalAccount | undefined> {
  const path = home.path(WALLET_FILE)
  if (existsSync(path)) return await openWallet(path, network, crypto, environment)
  if (network.profile === 'devnet') return undefined
  throw new NodeError(
    { code: 'wallet-missing', path, expected: 'a wallet that pays for jobs', got: 'none' },
    `expected a wallet at ${path}, there is none: a requester of a production network pays for its jobs`,
  )
}

/** Writes a wallet; `devnet` marks keys that follow from a published seed. Returns its address. Throws KeystoreError. */
export async function writeWallet(
  home: Home,
  init: { readonly network: NetworkFile; readonly privateKey: Uint8Array; readonly devnet: boolean },
  crypto: Secp256k1,
  environment: Environment,
): Promise<Address> {
  const { network, privateKey, devnet } = init
  const password = devnet ? DEVNET_PASSWORD : await findPassword(network.profile, environment, VARIABLES)
  const purpose = { networkId: network.networkId, role: OWNER_ROLE, ...(devnet ? { devnet } : {}) } as const
  return await writeKeyFile(home.path(WALLET_FILE), privateKey, password, purpose, crypto)
}
