import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodePaymentSignatureHeader } from '@x402/core/http'
import { HTTPFacilitatorClient } from '@x402/core/server'
import type { PaymentPayload, PaymentRequired } from '@x402/core/types'
import { validateDiscoveryExtension, withBazaar } from '@x402/extensions/bazaar'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { accountOf } from '../../../devnet/deploy.ts'
import { DEVNET_USDC } from '../../../devnet/stage.ts'
import { createSimulatedAuthority } from '../../../src/attestation/index.ts'
import { type Gateway, startGateway } from '../../../src/gateway/index.ts'
import { priceOf } from '../../../src/gateway/pricing.ts'
import type { LocalModel } from '../../../src/inference/index.ts'
import {
  createConfig,
  createHome,
  createLogger,
  createNode,
  devnetPrivateKey,
  type Home,
  homeAt,
  nodeSecp256k1,
  type OpgNode,
  writeOperatorKey,
} from '../../../src/node/index.ts'
import { type Address, ceilingOf, modelCid } from '../../../src/protocol/index.ts'
import { DEVNET_SEED, startTestChain, type TestChain } from '../../support/devnetChain.ts'
import { httpOf, payerOf, type ServerProcess, startServer } from '../../support/gatewayProcess.ts'
import { devnetModel, type ProviderPeer, startProviderPeer } from '../../support/peers.ts'

const PAY_TO: Address = '0x00000000000000000000000000000000000beef2'
const PER_OPG = 10n ** 18n

let directory: string
let chain: TestChain
let classifier: LocalModel
let volatility: LocalModel
let provider: ProviderPeer
let facilitator: ServerProcess
let node: OpgNode
let gateway: Gateway

const key = (role: string): Uint8Array => devnetPrivateKey(DEVNET_SEED, role, 0)

async function homeOf(name: string, config: Parameters<typeof createConfig>[0]): Promise<Home> {
  const home = homeAt(join(directory, name))
  await createHome(home, { network: chain.network, config: { rpc: [chain.anvil.url], listen: [], ...config } })
  const init = { network: chain.network, devnet: true, key: 'keys/operator.json', privateKey: key(name) } as const
  await writeOperatorKey(home, init, nodeSecp256k1(), {})
  return home
}

async function startFacilitatorOf(): Promise<ServerProcess> {
  const home = await homeOf('facilitator', { facilitator: { tokens: [DEVNET_USDC] } })
  const { address } = accountOf(key('facilitator'))
  await chain.anvil.client.setBalance({ address, value: 10n ** 18n })
  return await startServer('facilitator', home)
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-gateway-'))
  chain = await startTestChain({ verifier: 3, provider: 1, settler: 1 })
  const ports = { subtle: crypto.subtle, random: (length: number) => crypto.getRandomValues(new Uint8Array(length)) }
  const authority = await createSimulatedAuthority(ports, { label: 'test', now: Date.now() })
  ;[classifier, volatility] = [await devnetModel('classifier'), await devnetModel('volatility')]
  provider = await startProviderPeer({
    ...{ network: chain.network, rpc: chain.anvil.url, privateKey: key('provider'), trustRoots: [authority.trustRoot] },
    ...{ authority, directory: join(directory, 'provider'), models: [classifier, volatility] },
  })
  facilitator = await startFacilitatorOf()
  const home = await homeOf('gateway', {})
  await cp(join(classifier.directory, 'manifest.json'), join(home.models, 'classifier', 'manifest.json'))
  const { gateway: config, ...rest } = createConfig({
    ...{ roles: ['requester'], rpc: [chain.anvil.url], listen: [], bootstrap: [...provider.host.addresses()] },
    gateway: {
      ...{ port: 0, facilitator: facilitator.url, payTo: PAY_TO, tier: 'replay', mode: 'local', withdrawDelay: 900 },
      maxBodyBytes: 4_096,
      accepts: [
        { asset: DEVNET_USDC, scheme: 'exact', perOPG: PER_OPG.toString(), name: 'USDC', version: '2' },
        { asset: DEVNET_USDC, scheme: 'batch-settlement', perOPG: PER_OPG.toString(), name: 'USDC', version: '2' },
        { asset: 'OPG', scheme: 'upto', marginPpm: 100_000 },
      ],
    },
  })
  const network = { ...chain.network, trustRoots: [authority.trustRoot] }
  const logger = createLogger('silent')
  const init = { home, network, privateKey: key('gateway') }
  node = createNode({ ...init, config: { gateway: config, ...rest }, logger })
  await node.start()
  gateway = await startGateway({ node, clock: Date.now, logger }, { ...init, config })
  await vi.waitFor(() => expect(node.parts.offers.live()).toHaveLength(1), { timeout: 60_000 })
}, 180_000)

afterAll(async () => {
  await gateway?.stop()
  await node?.stop()
  await facilitator?.stop('SIGKILL')
  await provider?.stop()
  await chain?.stop()
  await rm(directory, { recursive: true, force: true, maxRetries: 3 })
}, 60_000)

const ask = async (path: string): Promise<{ status: number; json: unknown }> => {
  const response = await fetch(`${gateway.url}${path}`)
  return { status: response.status, json: await response.json() }
}

const picture = (value: number, changes: object = {}): object => ({
  inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 8, 8], data: Array(64).fill(value), ...changes }],
})

const post = (body: unknown, headers: Record<string, string> = {}, model = 'classifier'): Promise<Response> =>
  fetch(`${gateway.url}/v2/models/${encodeURIComponent(model)}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

const payer = () => httpOf(payerOf(chain.payer, chain.anvil.client, `eip155:${chain.network.chainId}`, 'exact'))

const termsOf = (response: Response): PaymentRequired =>
  payer().getPaymentRequiredResponse((name) => response.headers.get(name), {})

/** A signed payment for a picture, changed before it is encoded. */
async function paid(value: number, change: (payload: PaymentPayload) => unknown = (same) => same): Promise<Response> {
  const terms = termsOf(await post(picture(value)))
  const payload = await payer().createPaymentPayload(terms)
  return await post(picture(value), {
    'payment-signature': encodePaymentSignatureHeader(change(payload) as PaymentPayload),
  })
}

describe('the Open Inference Protocol', () => {
  test('is alive, ready, and says what it is', async () => {
    expect(await ask('/v2/health/live')).toEqual({ status: 200, json: { live: true } })
    expect(await ask('/v2/health/ready')).toEqual({ status: 200, json: { ready: true } })
    expect(await ask('/v2')).toMatchObject({ json: { name: 'opg-gateway', extensions: ['x402'] } })
    expect(await ask('/healthz')).toMatchObject({ status: 200, json: { ok: true } })
  })

  test('knows a model by id, CID and name, with its tensors', async () => {
    const { id, manifest } = classifier
    for (const name of [id, modelCid(id), encodeURIComponent(manifest.name), 'classifier']) {
      expect(await ask(`/v2/models/${name}`)).toMatchObject({
        status: 200,
        json: { name: manifest.name, versions: [id], inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 8, 8] }] },
      })
      expect(await ask(`/v2/models/${name}/ready`)).toMatchObject({ status: 200, json: { ready: true } })
    }
  })

  test('says which models it does not know, and of which it lacks the manifest', async () => {
    expect(await ask('/v2/models/other')).toMatchObject({ status: 404, json: { code: 'model-unknown', got: 'other' } })
    expect(await ask(`/v2/models/${volatility.id}`)).toMatchObject({ status: 404, json: { code: 'manifest-unknown' } })
    expect(await ask('/elsewhere')).toMatchObject({ status: 404, json: { code: 'not-found' } })
  })

  test.each([
    ['no JSON', '{', 400, 'json-invalid'],
    ['a body above the limit', ' '.repeat(5_000), 413, 'body-too-large'],
    ['a shape that the model has not', picture(0, { shape: [1, 64] }), 400, 'tensor-shape-mismatch'],
    ['another type', picture(0, { datatype: 'FP64' }), 400, 'tensor-dtype-mismatch'],
    ['an input that the model lacks', picture(0, { name: 'sound' }), 400, 'tensor-unexpected'],
    ['an output that the model lacks', { ...picture(0), outputs: [{ name: 'sound' }] }, 400, 'output-unknown'],
    ['an unknown parameter', { ...picture(0), parameters: { temperature: 1 } }, 400, 'parameter-unknown'],
    ['an unknown tier', { ...picture(0), parameters: { opg_tier: 'best' } }, 400, 'parameter-invalid'],
    ['a tier nobody offers', { ...picture(0), parameters: { opg_tier: 'zk' } }, 400, 'parameter-invalid'],
  ])('refuses %s before anything is paid', async (_, body, status, code) => {
    const response = await post(body)
    expect([response.status, (await response.json()) as unknown]).toEqual([status, expect.objectContaining({ code })])
  })
})

describe('the price', () => {
  test('is asked for with 402: each option at its rate of the best offer’s ceiling, USDC first', async () => {
    const response = await post(picture(0))
    expect(response.status).toBe(402)
    expect(response.headers.get('cache-control')).toContain('no-store')
    expect(await response.json()).toMatchObject({ code: 'payment-required', error: expect.any(String) })
    const { x402Version, accepts, resource } = termsOf(response)
    const [terms] = provider.offers
      .live()
      .flatMap((offer) => offer.terms.filter(({ model }) => model === classifier.id))
    const ceiling = ceilingOf(terms ?? node.parts.offers.live()[0]!.terms[0]!, 0, 1)
    const rate = { perOPG: PER_OPG, marginPpm: 0, minimum: 1n }
    expect(x402Version).toBe(2)
    expect(accepts.map(({ scheme, network, amount }) => [scheme, network, BigInt(amount)])).toEqual([
      ['exact', `eip155:${chain.network.chainId}`, priceOf(ceiling, rate)],
      ['batch-settlement', `eip155:${chain.network.chainId}`, priceOf(ceiling, rate)],
      ['upto', `eip155:${chain.network.chainId}`, priceOf(ceiling, { ...rate, marginPpm: 100_000 })],
    ])
    expect(resource.url).toBe(`${gateway.url}/v2/models/${classifier.id}/infer`)
  })

  test('travels in a header that stock clients take, with extensions that hold by their own schema', async () => {
    const response = await post(picture(0))
    expect(response.headers.get('payment-required')?.length).toBeLessThan(8_192)
    const { extensions = {} } = termsOf(response)
    expect(extensions['payment-identifier']).toMatchObject({ info: { required: false } })
    expect(validateDiscoveryExtension(extensions.bazaar as never)).toEqual({ valid: true })
  })

  test('is listed for discovery as the bazaar extension lists it', async () => {
    const client = withBazaar(new HTTPFacilitatorClient({ url: gateway.url }))
    const { items, pagination } = await client.extensions.bazaar.listResources({ type: 'http', limit: 5 })
    expect(items).toMatchObject([{ type: 'http', resource: expect.stringContaining(classifier.id), x402Version: 2 }])
    expect(pagination).toEqual({ limit: 5, offset: 0, total: 1 })
  })
})

describe('a payment', () => {
  test('that is good buys an answer with its receipt', async () => {
    const response = await paid(0.5)
    expect(response.status).toBe(200)
    expect(response.headers.get('payment-response')).not.toBeNull()
    expect(await response.json()).toMatchObject({
      model_version: classifier.id,
      parameters: { opg_fee: expect.any(String) },
    })
  }, 60_000)

  test.each([
    [
      'by another',
      (payload: PaymentPayload) => ({ ...payload, payload: { ...payload.payload, signature: `0x${'11'.repeat(65)}` } }),
    ],
    ['for less', (payload: PaymentPayload) => ({ ...payload, accepted: { ...payload.accepted, amount: '1' } })],
    [
      'to another',
      (payload: PaymentPayload) => ({ ...payload, accepted: { ...payload.accepted, payTo: chain.payer.address } }),
    ],
  ])('signed %s is refused with 402, and no job runs', async (_, change) => {
    const response = await paid(0.6, change)
    expect([response.status, (await response.json()) as unknown]).toEqual([
      402,
      expect.objectContaining({ code: 'payment-refused' }),
    ])
    expect(response.headers.get('payment-response')).toBeNull()
  })

  test.each([
    ['that is no base64', '%%%', 'payment-malformed'],
    ['of another version', Buffer.from('{"x402Version":7}').toString('base64'), 'payment-malformed'],
  ])('%s is refused with 400', async (_, header, code) => {
    const response = await post(picture(0), { 'payment-signature': header })
    expect([response.status, (await response.json()) as unknown]).toEqual([400, expect.objectContaining({ code })])
  })

  test('with an identifier outside the rules is refused with 400', async () => {
    const response = await paid(0.6, (payload) => ({
      ...payload,
      extensions: { 'payment-identifier': { info: { required: false, id: 'short' } } },
    }))
    expect(await response.json()).toMatchObject({ code: 'payment-identifier-invalid' })
  })
})
