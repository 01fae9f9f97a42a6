import { readFile } from 'node:fs/promises'
import type { NetworkFile } from '../chain/index.ts'
import { type Secp256k1, toError } from '../protocol/index.ts'
import type { NodeConfig } from './config.ts'
import { NodeError } from './errors.ts'
import type { Home } from './home.ts'
import { readKeyFile, writeKeyFile } from './keystore.ts'

/** Role a node's own key file names: the operator's (R1). */
export const OPERATOR_ROLE = 'operator'

/** Devnet keys follow from a published seed: their files are locked with a published password. */
export const DEVNET_PASSWORD = 'opg-devnet'

/** Environment variables that hold a password or name the file whose first line is one. */
export interface PasswordVariables {
  readonly password: string
  readonly file: string
}

const OPERATOR_VARIABLES: PasswordVariables = { password: 'OPG_PASSWORD', file: 'OPG_PASSWORD_FILE' }

type Environment = { readonly [name: string]: string | undefined }

/** The password of a key file from the environment; on a devnet the published one. Throws NodeError `password-missing`. */
export async function findPassword(
  profile: NetworkFile['profile'],
  environment: Environment,
  variables: PasswordVariables = OPERATOR_VARIABLES,
): Promise<string> {
  const given = environment[variables.password]
  if (given !== undefined) return given
  const file = environment[variables.file]
  if (file !== undefined) return await readPassword(file, variables)
  if (profile === 'devnet') return DEVNET_PASSWORD
  throw new NodeError(
    { code: 'password-missing', variable: variables.password },
    `expected the password of the key file in ${variables.password} or in the file ${variables.file} names`,
  )
}

async function readPassword(file: string, variables: PasswordVariables): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).split(/\r?\n/, 1)[0] ?? ''
  } catch (cause) {
    throw new NodeError(
      { code: 'password-missing', variable: variables.file },
      `expected a password in the first line of ${file}, which ${variables.file} names: ${toError(cause).message}`,
      { cause },
    )
  }
}

/** The node's operator key, 32 bytes. Throws KeystoreError or NodeError. */
export async function readOperatorKey(
  home: Home,
  { config, network }: { readonly config: NodeConfig; readonly network: NetworkFile },
  crypto: Secp256k1,
  environment: Environment,
): Promise<Uint8Array> {
  const { networkId, profile } = network
  const password = await findPassword(profile, environment)
  const expected = { networkId, profile, role: OPERATOR_ROLE }
  return (await readKeyFile(home.path(config.key), password, expected, crypto)).privateKey
}

/** Writes a home's operator key; `devnet` marks keys that follow from a published seed. */
export async function writeOperatorKey(
  home: Home,
  init: {
    readonly network: NetworkFile
    readonly key: string
    readonly privateKey: Uint8Array
    readonly devnet: boolean
    readonly replace?: boolean
  },
  crypto: Secp256k1,
  environment: Environment,
): Promise<void> {
  const { network, key, privateKey, devnet, replace } = init
  const password = devnet ? DEVNET_PASSWORD : await findPassword(network.profile, environment)
  const purpose = { networkId: network.networkId, role: OPERATOR_ROLE, ...(devnet ? { devnet } : {}) } as const
  await writeKeyFile(home.path(key), privateKey, password, purpose, crypto, replace === undefined ? {} : { replace })
}
