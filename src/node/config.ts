import { z } from 'zod'
import { innermost, NSM_STYLES, type PolicyFile, policyFileSchema } from '../attestation/index.ts'
import { paymentsSchema } from '../payment/index.ts'
import {
  type Address,
  fail,
  isAddress,
  ok,
  PRIVACY,
  type Result,
  TIER,
  WITHDRAW_DELAY,
  ZERO_ADDRESS,
} from '../protocol/index.ts'
import { amount } from './configFields.ts'
import { FACILITATOR_PORT, LIBP2P_PORT, MAX_MODELS, METRICS_PORT, NSM_HELPER } from './constants.ts'
import { NodeError } from './errors.ts'
import { gatewaySchema } from './gatewayConfig.ts'

export const CONFIG_VERSION = 1

/** Formats the simulated attester has. */
export const SIMULATED_FORMATS = ['nitro', 'tdx', 'sev-snp'] as const
export type SimulatedFormat = (typeof SIMULATED_FORMATS)[number]

/** R7: what a process does on the network; any set. */
export const ROLES = ['requester', 'provider', 'verifier', 'settler', 'host'] as const
export type RoleOfNode = (typeof ROLES)[number]

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

const multiaddr = z.string().startsWith('/', 'expected a multiaddr such as /ip4/0.0.0.0/tcp/4801').max(256)
const tokenAddress = z
  .string()
  .refine((text) => isAddress(text.toLowerCase()), 'expected an address')
  .transform((text) => text.toLowerCase() as Address)
const token = tokenAddress.prefault(ZERO_ADDRESS)

/** Prices that leave a devnet job under a thousandth of an OPG. */
const price = z
  .strictObject({
    token: token.describe('Token of the prices; OPG where it is the zero address.'),
    perRequest: amount('1000000000000', 'Wei for each request.'),
    perGMAC: amount('1000000000000', 'Wei for each 10^9 multiply-accumulates.'),
    perSecond: amount('1000000000000', 'Wei for each second of billed time.'),
    perGBSecond: amount('1000000000000', 'Wei for each gigabyte held for a second.'),
    minVerifyFee: amount('0', 'Least wei a job must leave for its verification.'),
    maxOutputUnits: z.int().min(1).max(1_000_000).default(65_536).describe('Most output units of one job.'),
  })
  .refine(({ minVerifyFee, perRequest }) => minVerifyFee <= perRequest, {
    path: ['minVerifyFee'],
    message:
      'expected at most perRequest: committees reject whatever costs less, and requesters choose how little to ask',
  })

/** How a provider is paid (R23, R24). */
const providerPayments = {
  unpaid: z.boolean().default(false).describe('Whether jobs without a channel are admitted; on a devnet alone.'),
  float: amount('1000000000000000000', 'Wei lent on deposits that no safe block holds yet, by channel.'),
  minDeposit: amount('100000000000000000', 'Least wei of a deposit, whose gas the provider pays.'),
  withdrawDelay: z
    .int()
    .min(0)
    .max(WITHDRAW_DELAY.max)
    .default(0)
    .describe("Least seconds a withdrawal takes; the network's own least when that is longer."),
  claims: z
    .strictObject({
      etherPrice: amount(
        '30000000000000000000000',
        'Wei of OPG that one ether is worth to the operator: no oracle says.',
      ),
      maxGasPercent: z.int().min(1).max(100).default(2).describe('Of what is claimed, gas may take so much.'),
      maxAgeSeconds: z
        .int()
        .min(1)
        .max(30 * 86_400)
        .default(21_600)
        .describe('What waited so long is claimed once it is worth more than its gas.'),
    })
    .prefault({})
    .describe('When a provider claims; a channel whose payer leaves it claims at once, whatever that costs.'),
}

const model = z.strictObject({
  folder: z.string().min(1).describe('Folder with a manifest.json; relative to the home.'),
  price: price.prefault({}).describe('What a provider asks for it.'),
})

const collateral = z
  .string()
  .min(1)
  .optional()
  .describe('File with a collateral bundle that travels with each document; read anew each time.')

/** Hardware is asked in the ways the vendors have; see docs/cli.md, "Attesters". */
const attester = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('auto'), collateral }),
  z.strictObject({ kind: z.literal('configfs-tsm'), collateral }),
  z.strictObject({
    kind: z.literal('nsm'),
    helper: z.string().min(1).default(NSM_HELPER).describe('Program that asks /dev/nsm for a document.'),
    style: z.enum(NSM_STYLES).default('nsm-cli').describe('How the helper takes its arguments: hex, nsm-cli.'),
  }),
  z.strictObject({
    kind: z.literal('dstack'),
    socket: z.string().min(1).optional().describe('Socket of the guest agent; where dstack has it when left out.'),
    collateral,
  }),
  z.strictObject({
    kind: z.literal('simulated'),
    authority: z.string().min(1).describe('Folder with the PEM files of a devnet authority.'),
    format: z.enum(SIMULATED_FORMATS).default('nitro').describe('Whose documents it makes: nitro, tdx, sev-snp.'),
  }),
])
export type AttesterConfig = z.output<typeof attester>

const service = (at: string, meaning: string) =>
  z
    .url({ protocol: /^https?$/ })
    .default(at)
    .describe(meaning)

const vendors = z.strictObject({
  fetch: z.boolean().default(true).describe('Whether a provider on hardware asks the vendors at all.'),
  intel: service('https://api.trustedservices.intel.com', 'Provisioning certification service, or a cache of it.'),
  intelRootCrl: service(
    'https://certificates.trustedservices.intel.com/IntelSGXRootCA.der',
    'Revocation list of the SGX root.',
  ),
  amd: service('https://kdsintf.amd.com', 'Key distribution system.'),
  nvidiaRim: service('https://rim.attestation.nvidia.com', 'Reference manifests.'),
  nvidiaOcsp: service('https://ocsp.ndis.nvidia.com', 'OCSP responder.'),
})

/** A string is the path of a policy file; anything else is the policy itself, whose problems are told by their place. */
const policyOrPath = z
  .custom<string | z.input<typeof policyFileSchema>>()
  .transform((value, context): string | PolicyFile => {
    if (typeof value === 'string') return value
    const parsed = policyFileSchema.safeParse(value)
    if (parsed.success) return parsed.data
    for (const issue of parsed.error.issues) {
      context.issues.push({ ...innermost(issue), input: value } as z.core.$ZodRawIssue)
    }
    return z.NEVER
  })

const schema = z.strictObject({
  version: z.literal(CONFIG_VERSION).describe('Version of this file.'),
  roles: z
    .array(z.enum(ROLES))
    .max(ROLES.length)
    .default(['requester'])
    .describe('What this process does: requester, provider, verifier, settler, host.'),
  rpc: z
    .array(z.url({ protocol: /^https?$/ }))
    .min(1)
    .max(8)
    .default(['http://127.0.0.1:8545'])
    .describe('HTTP endpoints of the chain: your own, or two that are independent of each other (R7).'),
  listen: z
    .array(multiaddr)
    .max(8)
    .default([`/ip4/0.0.0.0/tcp/${LIBP2P_PORT}`])
    .describe('Multiaddrs to listen on; port 0 lets the system choose.'),
  announce: z.array(multiaddr).max(8).default([]).describe('Multiaddrs to tell others instead of those found.'),
  bootstrap: z.array(multiaddr).max(16).default([]).describe('Peers to connect to besides those of network.json.'),
  key: z
    .string()
    .min(1)
    .default('keys/operator.json')
    .describe('Key file (Web3 Secret Storage v3); relative to the home.'),
  models: z.array(model).max(MAX_MODELS).default([]).describe('Models a provider sells and a verifier can replay.'),
  slots: z.int().min(1).max(4_096).default(16).describe('Jobs that may run or wait at once.'),
  workers: z.int().min(1).max(256).default(1).describe('Inference worker processes.'),
  tiers: z
    .array(z.enum(Object.keys(TIER) as [keyof typeof TIER]))
    .min(1)
    .default(['signed', 'tee', 'replay', 'tee+replay'])
    .describe('Tiers on sale (R12): signed, tee, replay, tee+replay.'),
  privacy: z
    .array(z.enum(Object.keys(PRIVACY) as [keyof typeof PRIVACY]))
    .min(1)
    .default(['open', 'committee'])
    .describe('Privacies on sale (R12): open, committee, sealed.'),
  attester: attester
    .default({ kind: 'none' })
    .describe(
      'Who makes evidence for a provider: auto (the hardware found here), configfs-tsm, nsm, dstack, none, or a devnet authority (simulated, never hardware).',
    ),
  gpu: z
    .strictObject({ tool: z.string().min(1).default('nvattest').describe("NVIDIA's command-line tool.") })
    .optional()
    .describe('Whether the GPUs of this machine are attested beside its processor, and by which tool.'),
  vendors: vendors
    .prefault({})
    .describe('Services that a provider asks for what travels with its evidence; never taken from evidence.'),
  evidence: policyOrPath
    .optional()
    .describe("Which evidence is accepted: a policy, or the path of its file; the network profile's when left out."),
  policy: z
    .string()
    .min(1)
    .optional()
    .describe('Document of the epoch policy that the chain names, or a folder of them; relative to the home.'),
  payments: paymentsSchema
    .extend(providerPayments)
    .prefault({})
    .describe(
      'What the wallet may spend: budgets by token, and the hosts opg pay-fetch may pay; and how a provider is paid.',
    ),
  facilitator: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1').describe('Address to bind.'),
      port: z.int().min(0).max(65_535).default(FACILITATOR_PORT).describe('Port to bind; 0 lets the system choose.'),
      tokens: z.array(tokenAddress).max(32).default([]).describe('Tokens it settles besides OPG, for example USDC.'),
      settleSeconds: z.int().min(1).max(600).default(30).describe('How long an answer may wait for a block.'),
      requestsPerSecond: z.int().min(1).max(10_000).default(200).describe('Of one address.'),
    })
    .prefault({})
    .describe('The x402 facilitator of opg facilitator: HTTP, tokens, limits.'),
  log: z
    .strictObject({ level: z.enum(LOG_LEVELS).default('info').describe('Least severity written to stderr.') })
    .prefault({})
    .describe('Logs.'),
  metrics: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether /metrics and /healthz are served.'),
      host: z.string().min(1).default('127.0.0.1').describe('Address to bind.'),
      port: z.int().min(0).max(65_535).default(METRICS_PORT).describe('Port to bind; 0 lets the system choose.'),
    })
    .prefault({})
    .describe('Prometheus metrics over HTTP.'),
  gateway: gatewaySchema
    .prefault({})
    .describe('HTTP gateway that sells inference to x402 clients; see docs/gateway.md.'),
})

/** `config.json`, every default filled in. */
export type NodeConfig = z.output<typeof schema>
export type ConfigInput = Omit<z.input<typeof schema>, 'version'>
export type ModelConfig = NodeConfig['models'][number]

/** Reads `config.json`. NodeError `config-invalid` names the first field at fault: where, what was expected, what came. */
export function parseConfig(text: string, path = 'config.json'): Result<NodeConfig, NodeError> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return invalid(path, '', 'JSON', error.message)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return ok(parsed.data)
  const [issue] = parsed.error.issues
  const field = issue?.path.map(String).join('.') ?? ''
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : undefined
  const expected = unknown === undefined ? wordsOf(issue?.message) : 'no unknown fields'
  return invalid(path, field, expected, unknown ?? shown(valueAt(value, issue?.path ?? [])))
}

/** As in `Invalid input: expected object, received array`: what came is shown beside it. */
const wordsOf = (message = 'a configuration'): string =>
  /^[^:]+: expected (.+?)(?:, received .+)?$/.exec(message)?.[1] ?? message

/** A configuration from code: the same schema, defaults and errors. Throws NodeError. */
export function createConfig(input: ConfigInput = {}): NodeConfig {
  const parsed = parseConfig(formatConfig(input))
  if (!parsed.ok) throw parsed.error
  return parsed.value
}

/** `config.json` of what differs from the defaults. */
export const formatConfig = (input: ConfigInput): string =>
  `${JSON.stringify({ version: CONFIG_VERSION, ...input }, null, 2)}\n`

export interface ConfigField {
  readonly name: string
  readonly meaning: string
  readonly default: string
}

/** Every top-level field with its meaning and default, as docs/cli.md lists them. */
export function configFields(): ConfigField[] {
  const defaults: { readonly [name: string]: unknown } = JSON.parse(
    JSON.stringify(createConfig(), (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)),
  )
  return Object.entries(schema.shape).map(([name, field]) => ({
    name,
    meaning: field.description ?? '',
    default: name in defaults ? JSON.stringify(defaults[name]) : 'none',
  }))
}

const MAX_SHOWN = 120

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, MAX_SHOWN)

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (node, name) =>
      typeof node === 'object' && node !== null ? (node as Record<PropertyKey, unknown>)[name] : undefined,
    value,
  )

function invalid(path: string, field: string, expected: string, got: string): Result<never, NodeError> {
  const where = field === '' ? path : `${path}: ${field}`
  return fail(
    new NodeError({ code: 'config-invalid', path, field, expected, got }, `${where}: expected ${expected}, got ${got}`),
  )
}
