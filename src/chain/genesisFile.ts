import { z } from 'zod'
import { type Address, type Digest, fail, keccak, ok, type Result, utf8 } from '../protocol/index.ts'
import { ChainError } from './errors.ts'
import {
  allocationOf,
  type Beneficiaries,
  DEMAND_BOND,
  type Genesis,
  governorSettingsOf,
  periodsOf,
} from './genesis.ts'
import { address, bootstrap, digest, networkName, positive, problemsOf, profile, trustRoots } from './networkSchema.ts'

const DAY = 86_400

const schema = z.strictObject({
  name: networkName,
  profile,
  chainId: positive,
  /** `mint`, or the OPG that is there. */
  token: z.union([z.literal('mint'), address]),
  payments: z.enum(['canonical', 'deploy']),
  permit2: z.enum(['canonical', 'deploy']),
  /** Only with `mint`. Who is not named yet has a stand-in in a dry run. */
  beneficiaries: z
    .strictObject({
      foundation: address,
      contributors: address,
      investors: address,
      liquidity: address,
      airdrop: address,
    })
    .partial()
    .default({}),
  guardian: address.optional(),
  guardianDays: positive,
  minimumSigners: positive,
  trustRoots,
  bootstrap,
})

/** What people decide of a network before it is deployed: `genesis.json`. Durations and votes are its profile's. */
export type GenesisFile = z.infer<typeof schema>

/** What is known only when the first step is taken. */
export interface Birth {
  readonly deployer: Address
  readonly nonce: number
  /** Seconds since 1970. */
  readonly start: number
}

const PARTIES = ['foundation', 'contributors', 'investors', 'liquidity', 'airdrop'] as const

/** Reads `genesis.json`. ChainError `genesis-refused` lists every problem. */
export function parseGenesisFile(text: string): Result<GenesisFile, ChainError> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return refused(['it is not JSON'])
    throw error
  }
  const parsed = schema.safeParse(value)
  return parsed.success ? ok(parsed.data) : refused(problemsOf(parsed.error))
}

function refused(problems: readonly string[]): { readonly ok: false; readonly error: ChainError } {
  const message = `expected a genesis file; ${problems.join('; ')}`
  return fail(new ChainError({ code: 'genesis-refused', problems }, message))
}

/** Parties the file does not name and the deployment needs. */
export function missingParties(file: GenesisFile): readonly string[] {
  const rows = file.token === 'mint' ? PARTIES.filter((name) => file.beneficiaries[name] === undefined) : []
  return file.guardian === undefined ? ['guardian', ...rows] : rows
}

/** An address nobody has a key of, so that a plan can be shown before every party is named. */
export const standIn = (party: string): Address => `0x${keccak(utf8(`OPG/stand-in/1 ${party}`)).slice(26)}`

/** The genesis of a file; who is not named gets a stand-in, which `missingParties` tells. */
export function genesisOf(file: GenesisFile, birth: Birth): Genesis {
  const { name, profile: kind, chainId, token, payments, permit2, beneficiaries, minimumSigners } = file
  const parties = Object.fromEntries(PARTIES.map((party) => [party, beneficiaries[party] ?? standIn(party)]))
  return {
    ...{ name, profile: kind, chainId, token, payments, permit2, minimumSigners, ...birth },
    allocation: token === 'mint' ? allocationOf(parties as unknown as Beneficiaries) : [],
    guardian: file.guardian ?? standIn('guardian'),
    guardianEnd: birth.start + file.guardianDays * DAY,
    demandBond: DEMAND_BOND,
    periods: periodsOf(kind),
    governor: governorSettingsOf(kind),
  }
}

const record = z.strictObject({
  version: z.literal(1),
  deployer: address,
  nonce: z.number().int().nonnegative(),
  start: positive,
  plan: digest,
})

/** Written before the first transaction, so that an interrupted deployment goes on as it began. */
export interface DeploymentRecord extends Birth {
  /** Hash of every transaction of the plan: other code or another genesis is another deployment. */
  readonly plan: Digest
}

export const formatDeploymentRecord = (value: DeploymentRecord): string =>
  `${JSON.stringify({ version: 1, ...value }, null, 2)}\n`

/** Throws ChainError `genesis-refused` on a file this did not write. */
export function parseDeploymentRecord(text: string): DeploymentRecord {
  const parsed = record.safeParse(JSON.parse(text))
  if (!parsed.success) throw refused(problemsOf(parsed.error)).error
  const { version: _, ...rest } = parsed.data
  return rest
}
