import { afterEach, expect, it, vi } from 'vitest'
import { float32 } from '../../../devnet/models/model.ts'
import { FramedStream } from '../../../src/net/frameStream.ts'
import { type Host, NET_LIMITS, protocolName } from '../../../src/net/index.ts'
import { encode } from '../../../src/wire/index.ts'
import { startBareHost } from '../../support/fixedChain.ts'
import { useTinyProvider } from '../../support/tinyProvider.ts'
import { DOMAIN } from '../../support/votes.ts'
import { writeModel } from '../../unit/inference/fixtures.ts'
import { addressOf, eventually } from '../net/hosts.ts'

/** Numbers of the output, 900 kB: more than a stream's window, less than the greatest record. */
const WIDTH = 225_000
const OUTPUT_BYTES = 4 * WIDTH
/** More than all buffers of one stream together. */
const MOST_ANSWERS = 8

/** y = x * w, with a wide w. */
const wideModel = () =>
  writeModel(
    {
      name: 'wide',
      inputs: [{ name: 'x', dtype: 'F32', shape: ['batch', 3] }],
      outputs: [{ name: 'y', dtype: 'F32', shape: ['batch', WIDTH] }],
      nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
      initializers: { w: float32([3, WIDTH], new Float32Array(3 * WIDTH).fill(1)) },
    },
    { outputs: [{ name: 'y', dtype: 'F32', shape: ['batch', WIDTH], nan: 'refuse' }], trace: [] },
  )

const world = useTinyProvider({
  write: wideModel,
  overrides: { tickMs: 20, streamLimits: { writeTimeout: 1_000 } },
})
const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  for (const stop of stops.splice(0)) await stop()
})

async function slowReader(): Promise<Host> {
  const host = await startBareHost({ role: 'slow' })
  stops.push(() => host.stop())
  await host.connect(addressOf(world.provider.host))
  return host
}

/** Asks for one large answer after another on one stream and reads none, until the stream is lost. */
async function askWithoutReading(slow: Host, handed: () => number): Promise<Uint8Array[]> {
  const stream = await slow.openStream(world.provider.host.peerId, protocolName(DOMAIN.networkId, 'infer'))
  const asked: Uint8Array[] = []
  const isLost = (): boolean => world.provider.host.conduct.score(slow.peerId) < 0
  while (asked.length < MOST_ANSWERS && !isLost()) {
    const request = encode('InferClientFrame', { kind: 'request', value: world.request() })
    await stream.write(request)
    asked.push(request)
    await eventually(() => isLost() || handed() > asked.length * OUTPUT_BYTES, 'an answer to be written')
  }
  return asked
}

it('a requester that never reads costs bounded memory and its stream, frees its slot, and others are served', async () => {
  const slow = await slowReader()
  let handed = 0
  const writeAll = FramedStream.prototype.writeAll
  vi.spyOn(FramedStream.prototype, 'writeAll').mockImplementation(function (this: FramedStream, frames, options) {
    if (this.peer === slow.peerId) for (const { length } of frames) handed += length
    return writeAll.call(this, frames, options)
  })
  const asking = askWithoutReading(slow, () => handed)
  await eventually(() => handed > 0, 'the first answer')
  const meanwhile = await world.asker.requester.request(world.order())
  if (!meanwhile.ok) throw new Error(meanwhile.error.message)
  expect(meanwhile.value.chunks.reduce((sum, { data }) => sum + data.length, 0)).toBeGreaterThan(OUTPUT_BYTES)
  const asked = await asking
  expect(asked.length).toBeLessThan(MOST_ANSWERS)
  expect(handed).toBeLessThan(NET_LIMITS.streamWriteBuffer.value)
  expect(world.provider.provider.status().running).toBe(0)
  expect((await world.asker.requester.request(world.order())).ok).toBe(true)
  vi.restoreAllMocks()

  const stream = await slow.openStream(world.provider.host.peerId, protocolName(DOMAIN.networkId, 'infer'))
  await stream.write(asked.at(-1)!)
  let received = 0
  while (received < OUTPUT_BYTES) received += (await stream.read({ timeoutMs: 90_000 }))?.length ?? Number.NaN
  expect(received).toBeGreaterThan(OUTPUT_BYTES)
  await stream.close()
})
