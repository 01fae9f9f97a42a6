/**
 * Short request/response streams per second between two processes on loopback.
 * Usage: node test/perf/net/streams.ts [total] [inFlight] [fresh|reused]
 */
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createHost, type FrameStream, protocolName } from '../../../src/net/index.ts'

const NETWORK = `0x${'11'.repeat(32)}` as const
const PROTOCOL = protocolName(NETWORK, 'infer')
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const makeHost = (listen: string[]) =>
  createHost({
    privateKey: randomBytes(32),
    listen,
    bootstrap: [],
    networkId: NETWORK,
    profile: 'devnet',
    logger: silent,
    clock: Date.now,
  })

if (process.argv[2] === 'serve') await serve()
else await measure(Number(process.argv[2] ?? 6_000), Number(process.argv[3] ?? 32), process.argv[4] ?? 'fresh')

async function serve(): Promise<void> {
  const host = makeHost(['/ip4/127.0.0.1/tcp/0'])
  host.handle(
    PROTOCOL,
    async (stream) => {
      for await (const frame of stream.frames()) await stream.write(frame)
    },
    { maxInboundStreams: 128 },
  )
  await host.start()
  process.send?.(host.addresses()[0])
  process.on('message', (message) => {
    if (message === 'cpu') process.send?.(cpuMs())
    else process.exit(0)
  })
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

async function measure(total: number, inFlight: number, mode: string): Promise<void> {
  const child = fork(import.meta.filename, ['serve'])
  const address = await new Promise<string>((resolve) => child.once('message', (message) => resolve(String(message))))
  const host = makeHost([])
  await host.start()
  const peer = await host.connect(address)
  const request = randomBytes(200)
  const latencies: number[] = []
  const exchange = async (stream: FrameStream): Promise<void> => {
    await stream.write(request)
    const answer = await stream.read()
    if (answer?.length !== request.length) throw new Error('wrong answer')
  }
  const run = async (count: number): Promise<number> => {
    let left = count
    const started = performance.now()
    await Promise.all(
      Array.from({ length: inFlight }, async () => {
        let stream = mode === 'reused' ? await host.openStream(peer, PROTOCOL) : undefined
        while (left > 0) {
          left -= 1
          const begun = performance.now()
          if (mode !== 'reused') stream = await host.openStream(peer, PROTOCOL)
          if (stream === undefined) throw new Error('no stream')
          await exchange(stream)
          if (mode !== 'reused') await stream.close()
          latencies.push(performance.now() - begun)
        }
        await stream?.close()
      }),
    )
    return count / ((performance.now() - started) / 1_000)
  }
  await run(Math.ceil(total / 6))
  latencies.length = 0
  const childCpu = (): Promise<number> => {
    child.send('cpu')
    return new Promise((resolve) => child.once('message', (message) => resolve(Number(message))))
  }
  const before = [cpuMs(), await childCpu()] as const
  const perSecond = await run(total)
  const perThousand = (milliseconds: number): number => Math.round((milliseconds / total) * 1_000)
  const cpu = { dialer: perThousand(cpuMs() - before[0]), listener: perThousand((await childCpu()) - before[1]) }
  latencies.sort((a, b) => a - b)
  const at = (share: number): string => (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(2)
  const memory = Math.round(process.memoryUsage().rss / 2 ** 20)
  process.stdout.write(
    `${JSON.stringify({ mode, total, inFlight, perSecond: Math.round(perSecond), p50ms: at(0.5), p99ms: at(0.99), cpuMsPerThousand: cpu, rssMB: memory })}\n`,
  )
  child.send('stop')
  await host.stop()
  process.exit(0)
}
