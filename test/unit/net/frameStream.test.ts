import type { Stream } from '@libp2p/interface'
import { streamPair } from '@libp2p/utils'
import { afterEach, describe, expect, test } from 'vitest'
import { STREAM_LIMITS, type StreamLimits } from '../../../src/net/constants.ts'
import { FramedStream } from '../../../src/net/frameStream.ts'
import { Ticker } from '../../../src/net/ticker.ts'

const TICK_MS = 5
const frame = (text: string): Uint8Array => new TextEncoder().encode(text)
const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))
const open: Stream[] = []

afterEach(() => {
  for (const stream of open.splice(0)) stream.abort(new Error('end of test'))
})

function framed(stream: Stream, limits: Partial<StreamLimits> = {}, ticker = new Ticker(TICK_MS)): FramedStream {
  return new FramedStream(stream, {
    peer: 'peer',
    maxFrameBytes: 4_096,
    limits: { ...STREAM_LIMITS, ...limits },
    ticker,
  })
}

async function pair(): Promise<[Stream, Stream]> {
  const streams = await streamPair()
  open.push(...streams)
  return streams
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    return `no error: ${String(await promise)}`
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(Error)
    return (thrown as { code?: string }).code ?? String(thrown)
  }
}

describe('framed stream', () => {
  test('frames go both ways in order and end cleanly', async () => {
    const [left, right] = (await pair()).map((stream) => framed(stream)) as [FramedStream, FramedStream]
    for (let index = 0; index < 50; index += 1) void left.write(frame(`question ${index}`))
    for (let index = 0; index < 50; index += 1) {
      expect(await right.read()).toEqual(frame(`question ${index}`))
      await right.write(frame(`answer ${index}`))
      expect(await left.read()).toEqual(frame(`answer ${index}`))
    }
    await left.closeWrite()
    expect(await right.read()).toBeUndefined()
    expect(await right.read()).toBeUndefined()
    expect(await codeOf(left.write(frame('late')))).toBe('stream-closed')
    await right.write(frame('last'))
    await right.close()
    expect(await left.read()).toEqual(frame('last'))
    expect(await left.read()).toBeUndefined()
    await left.close()
  })

  test('frames written together leave in one packet and arrive one by one', async () => {
    const [left, right] = await pair()
    const packets: number[] = []
    right.addEventListener('message', ({ data }) => packets.push(data.byteLength))
    const reader = framed(right)
    const writer = framed(left)
    const sent = [frame('one'), frame(''), frame('three'.repeat(500))]
    await writer.writeAll([])
    await writer.writeAll(sent)
    for (const each of sent) expect(await reader.read()).toEqual(each)
    expect(packets).toHaveLength(1)
    const large = Array.from({ length: 20 }, (_, index) => new Uint8Array(4_000).fill(index))
    void writer.writeAll(large)
    for (const each of large) expect(await reader.read()).toEqual(each)
  })

  test('one frame too large keeps the others from being sent', async () => {
    const [left, right] = await pair()
    const reader = framed(right)
    const writer = framed(left)
    expect(await codeOf(writer.writeAll([frame('one'), new Uint8Array(4_097)]))).toBe('frame-too-large')
    await writer.write(frame('two'))
    expect(await reader.read()).toEqual(frame('two'))
  })

  test('trap 2: data and end are read though the other side wrote and closed before reading began', async () => {
    const [left, right] = await pair()
    const writer = framed(left)
    await writer.write(frame('one'))
    await writer.write(frame('two'))
    await writer.closeWrite()
    await wait(20)
    const reader = framed(right)
    await wait(20)
    expect(await reader.read()).toEqual(frame('one'))
    expect(await reader.read()).toEqual(frame('two'))
    expect(await reader.read()).toBeUndefined()
  })

  test('trap 2: likewise when both sides were closed before reading began', async () => {
    const [left, right] = await pair()
    const writer = framed(left)
    await writer.write(frame('one'))
    await writer.closeWrite()
    await right.close()
    await wait(20)
    const reader = framed(right)
    expect(await reader.read()).toEqual(frame('one'))
    expect(await reader.read()).toBeUndefined()
  })

  test('trap 3: reading that begins after a reset fails, it is not an empty end', async () => {
    const [left, right] = await pair()
    const late = framed(left)
    right.abort(new Error('handler failed'))
    await wait(20)
    expect(await codeOf(late.read())).toBe('busy')
    const [other, remote] = await pair()
    remote.abort(new Error('handler failed'))
    await wait(20)
    expect(await codeOf(framed(other).read())).toBe('busy')
  })

  test('frames that arrived before a reset are delivered, then stream-reset', async () => {
    const [left, right] = await pair()
    const reader = framed(left)
    const writer = framed(right)
    await writer.write(frame('one'))
    await wait(20)
    right.abort(new Error('gone'))
    await wait(20)
    expect(await reader.read()).toEqual(frame('one'))
    expect(await codeOf(reader.read())).toBe('stream-reset')
  })

  test('trap 8: a reset before the first byte of an answer is busy on the side that opened the stream', async () => {
    const [left, right] = await pair()
    const asker = framed(left)
    await asker.write(frame('question'))
    const answer = codeOf(asker.read())
    right.abort(new Error('over the limit'))
    expect(await answer).toBe('busy')
  })

  test('trap 10: a pending write and a pending close reject with NetError, not with an event', async () => {
    const [left, right] = await pair()
    const writer = framed(left)
    left.writableNeedsDrain = true
    const writing = codeOf(writer.write(frame('never')))
    const closing = codeOf(writer.closeWrite())
    await wait(5)
    right.abort(new Error('gone'))
    expect(await writing).toBe('busy')
    expect(await closing).toBe('busy')
  })

  test('trap 1: every write waits for its own drain, also the second and third time', async () => {
    const [left] = await pair()
    const writer = framed(left)
    for (let round = 0; round < 3; round += 1) {
      left.writableNeedsDrain = true
      let written = false
      const writing = writer.write(frame('x')).then(() => {
        written = true
      })
      await wait(20)
      expect(written).toBe(false)
      left.dispatchEvent(new Event('drain'))
      await writing
    }
  })

  test('an end inside a frame is unexpected-end, inside a header too', async () => {
    for (const bytes of [[10, 1, 2], [0x80]]) {
      const [left, right] = await pair()
      const reader = framed(left)
      right.send(Uint8Array.from(bytes))
      await right.close()
      expect(await codeOf(reader.read())).toBe('unexpected-end')
      expect(left.status).toBe('aborted')
    }
  })

  test('a frame above the limit resets the stream and nothing after it is read', async () => {
    const [left, right] = await pair()
    const reader = framed(left)
    right.send(Uint8Array.of(0x81, 0x20, 0, 0, 0, 0))
    expect(await codeOf(reader.read())).toBe('frame-too-large')
    expect(await codeOf(reader.read())).toBe('frame-too-large')
    expect(await codeOf(reader.write(frame('x')))).toBe('frame-too-large')
    await wait(10)
    expect(right.status).toBe('reset')
  })

  test('an own frame above the limit is refused and the stream stays usable', async () => {
    const [left, right] = (await pair()).map((stream) => framed(stream)) as [FramedStream, FramedStream]
    expect(await codeOf(left.write(new Uint8Array(4_097)))).toBe('frame-too-large')
    await left.write(new Uint8Array(4_096))
    expect((await right.read())?.length).toBe(4_096)
  })

  test('a stalled peer is read-timeout, a trickling one too, and the stream is reset', async () => {
    const [left, right] = await pair()
    const reader = framed(left, { readTimeout: 60 })
    const reading = codeOf(reader.read())
    for (const byte of [3, 1, 2]) {
      right.send(Uint8Array.of(byte))
      await wait(15)
    }
    expect(await reading).toBe('read-timeout')
    await wait(10)
    expect(right.status).toBe('reset')
  })

  test('a reader that takes nothing is write-timeout', async () => {
    const [left] = await pair()
    const writer = framed(left, { writeTimeout: 40 })
    left.writableNeedsDrain = true
    expect(await codeOf(writer.write(frame('x')))).toBe('write-timeout')
    expect(left.status).toBe('aborted')
  })

  test('writes nobody awaits are bounded', async () => {
    const [left] = await pair()
    const writer = framed(left, { queuedWrites: 8_192 })
    left.writableNeedsDrain = true
    const outcomes = Array.from({ length: 4 }, () => codeOf(writer.write(new Uint8Array(4_000))))
    expect(await outcomes[2]).toBe('write-overflow')
    writer.abort(new Error('end'))
    expect(await outcomes[0]).toBe('stream-closed')
  })

  test('a caller that gives up reading keeps the stream and loses no frame', async () => {
    const [left, right] = (await pair()).map((stream) => framed(stream)) as [FramedStream, FramedStream]
    const controller = new AbortController()
    const reading = codeOf(left.read({ signal: controller.signal }))
    expect(await codeOf(left.read())).toBe('concurrent-read')
    controller.abort()
    expect(await reading).toBe('aborted')
    await right.write(frame('later'))
    expect(await left.read()).toEqual(frame('later'))
  })

  test('a caller that gives up writing takes back what had not left', async () => {
    const [left, right] = await pair()
    const writer = framed(left)
    const reader = framed(right)
    left.writableNeedsDrain = true
    const controller = new AbortController()
    const writing = codeOf(writer.write(frame('never'), { signal: controller.signal }))
    controller.abort()
    expect(await writing).toBe('aborted')
    left.dispatchEvent(new Event('drain'))
    await writer.write(frame('next'))
    expect(await reader.read()).toEqual(frame('next'))
  })

  test('trap 9: close frees the stream though the other side never closes', async () => {
    const [left, right] = await pair()
    const ticker = new Ticker(TICK_MS)
    let freed = 0
    const stream = new FramedStream(left, {
      peer: 'peer',
      maxFrameBytes: 4_096,
      limits: { ...STREAM_LIMITS, linger: 30 },
      ticker,
      onFreed: () => {
        freed += 1
      },
    })
    right.send(Uint8Array.of(1, 1))
    await stream.close()
    expect(await codeOf(stream.read())).toBe('stream-closed')
    while (freed === 0) await wait(TICK_MS)
    expect(freed).toBe(1)
    expect(ticker.size).toBe(0)
    expect(left.status).toBe('aborted')
  })

  test('a stream nobody uses is idle-timeout, sooner after the other side has ended', async () => {
    const [left, right] = await pair()
    const ticker = new Ticker(TICK_MS)
    const idle = framed(left, { idle: 60_000, idleAfterEnd: 20 }, ticker)
    await right.close()
    while (ticker.size > 0) await wait(TICK_MS)
    expect(await codeOf(idle.read())).toBe('idle-timeout')
  })

  test('a pending read of any length waits, when the caller says so', async () => {
    const [left, right] = (await pair()).map((stream) => framed(stream, { idle: 10, readTimeout: 10 })) as [
      FramedStream,
      FramedStream,
    ]
    const reading = left.read({ timeoutMs: Number.POSITIVE_INFINITY })
    const patience = right.read({ timeoutMs: Number.POSITIVE_INFINITY })
    await wait(80)
    await right.write(frame('slow'))
    expect(await reading).toEqual(frame('slow'))
    left.abort(new Error('end'))
    expect(await codeOf(patience)).toBe('stream-reset')
  })
})

describe('ticker', () => {
  test('runs only while somebody waits', async () => {
    const ticker = new Ticker(TICK_MS)
    const member = { onTick: (now: number) => (now >= 3 ? ticker.delete(member) : undefined) }
    ticker.add(member)
    while (ticker.size > 0) await wait(TICK_MS)
    await wait(5 * TICK_MS)
    expect(ticker.now).toBe(3)
  })
})
