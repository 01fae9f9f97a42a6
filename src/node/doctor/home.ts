import { assertPolicy, assertTrustRoots, policyUnder, vendorRoots } from '../../attestation/index.ts'
import { CodedError, toError } from '../../protocol/index.ts'
import { assertAttester } from '../attester.ts'
import { nodeSecp256k1 } from '../crypto.ts'
import { readPolicyFile } from '../epochPolicies.ts'
import { isNodeError } from '../errors.ts'
import { type Home, type OpenedHome, readHome } from '../home.ts'
import { readModelFolder } from '../modelFolder.ts'
import { readOperatorKey } from '../operatorKey.ts'
import { type Finding, found } from './findings.ts'

type Environment = { readonly [name: string]: string | undefined }

export interface HomeFindings {
  readonly findings: readonly Finding[]
  /** Undefined where its configuration or its network cannot be read. */
  readonly opened: OpenedHome | undefined
}

/** Configuration, network file, key and models of a home. A machine without a home is only warned of. */
export async function examineHome(home: Home, environment: Environment): Promise<HomeFindings> {
  let opened: OpenedHome
  try {
    opened = await readHome(home)
  } catch (thrown) {
    if (isNodeError(thrown, 'home-missing'))
      return {
        findings: [found('home', 'warn', `none at ${home.directory}`, 'opg init --network network.json')],
        opened: undefined,
      }
    return { findings: [found('home', 'fail', told(thrown), homeAdvice(thrown))], opened: undefined }
  }
  const { network } = opened
  const findings = [
    found('home', 'ok', home.directory),
    found('network', 'ok', `${network.name} (${network.profile}), chain ${network.chainId}`),
    await examineTrust(home, opened),
    await examineKey(home, opened, environment),
    ...(await examineModels(home, opened)),
  ]
  return { findings, opened }
}

function homeAdvice(thrown: unknown): string | undefined {
  if (isNodeError(thrown, 'network-missing')) return undefined
  return thrown instanceof CodedError ? 'correct the file' : 'run as the user whose home it is'
}

/** R6: what a node refuses to start with. */
async function examineTrust(home: Home, { network, config }: OpenedHome): Promise<Finding> {
  try {
    assertTrustRoots(network.profile, [...vendorRoots(), ...network.trustRoots])
    const file = await readPolicyFile(home, config, network.profile)
    assertPolicy(network.profile, policyUnder(file, network.profile))
    assertAttester(config.attester, network.profile)
  } catch (thrown) {
    return found('trust', 'fail', told(thrown), 'a node refuses to start with it')
  }
  const own = network.trustRoots.length
  return found('trust', 'ok', own === 0 ? "vendors' roots alone" : `vendors' roots and ${own} of this devnet`)
}

async function examineKey(home: Home, opened: OpenedHome, environment: Environment): Promise<Finding> {
  try {
    await readOperatorKey(home, opened, nodeSecp256k1(), environment)
    return found('key', 'ok', `${opened.config.key} opens`)
  } catch (thrown) {
    if (isNodeError(thrown, 'password-missing'))
      return found('key', 'warn', 'not tried: its password is not here', 'set OPG_PASSWORD or OPG_PASSWORD_FILE')
    // Advice to make another key would lose the one that is there: only where there is none.
    const todo =
      thrown instanceof CodedError && thrown.code === 'key-not-found'
        ? 'opg init makes one; restore it from your copy if it was made before'
        : undefined
    return found('key', 'fail', told(thrown), todo)
  }
}

async function examineModels(home: Home, { config }: OpenedHome): Promise<Finding[]> {
  if (!config.roles.includes('provider') && !config.roles.includes('verifier')) return []
  if (config.models.length === 0)
    return [
      found(
        'models',
        config.roles.includes('provider') ? 'fail' : 'warn',
        'none',
        'add a folder to models in config.json',
      ),
    ]
  return await Promise.all(
    config.models.map(async ({ folder }) => {
      try {
        const { manifest } = await readModelFolder(home.path(folder))
        return found('model', 'ok', `${manifest.name} at ${folder}`)
      } catch (thrown) {
        return found('model', 'fail', `${folder}: ${told(thrown)}`, 'see models in config.json')
      }
    }),
  )
}

function told(thrown: unknown): string {
  const { message } = toError(thrown)
  return thrown instanceof CodedError && !message.startsWith(`${thrown.code}: `)
    ? `${thrown.code}: ${message}`
    : message
}
