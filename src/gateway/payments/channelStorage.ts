import type { Channel, ChannelStorage, ChannelUpdateResult } from '@x402/evm/batch-settlement/server'
import type { Store } from '../../node/index.ts'
import { type Digest, isDigest, utf8 } from '../../protocol/index.ts'

/** Channels of clients on disk: what `@x402/evm` keeps of each, and which of its requests was charged last. */
export interface DurableChannels extends ChannelStorage {
  /** `pendingId` of the request whose charge was the channel's last (R27): a charge stored is a charge made. */
  lastCharged(channelId: string): Promise<string | undefined>
  /** Forgets the reservation of a request that will not be charged. */
  release(channelId: string, pendingId: string): Promise<void>
}

interface Stored {
  readonly channel: Channel
  readonly lastCharged?: string
}

/** One writer at a time for each channel. */
export function createDurableChannels(store: Store): DurableChannels {
  const locks = new Map<Digest, Promise<unknown>>()
  const read = async (key: Digest): Promise<Stored | undefined> => parse(await store.get('gatewayChannels', [key]))
  const exclusively = <T>(key: Digest, work: () => Promise<T>): Promise<T> => {
    const before = locks.get(key) ?? Promise.resolve()
    const mine = before.then(work, work)
    locks.set(key, mine)
    const done = (): void => {
      if (locks.get(key) === mine) locks.delete(key)
    }
    mine.then(done, done)
    return mine
  }
  const updateChannel: ChannelStorage['updateChannel'] = (channelId, update) =>
    exclusively(keyOf(channelId), async (): Promise<ChannelUpdateResult> => {
      const key = keyOf(channelId)
      const current = await read(key)
      const next = update(current?.channel)
      if (next === current?.channel) return { channel: next, status: 'unchanged' }
      if (next === undefined) {
        await store.commit([{ type: 'delete', table: 'gatewayChannels', key: [key] }])
        return { channel: undefined, status: 'deleted' }
      }
      const stored: Stored = { channel: next, ...lastChargedAfter(current, next) }
      await store.commit([{ type: 'put', table: 'gatewayChannels', key: [key], value: utf8(JSON.stringify(stored)) }])
      return { channel: next, status: 'updated' }
    })
  return {
    updateChannel,
    get: async (channelId) => (await read(keyOf(channelId)))?.channel,
    list: async () => {
      const channels: Channel[] = []
      for await (const { value } of store.iterate('gatewayChannels')) {
        const stored = parse(value)
        if (stored !== undefined) channels.push(stored.channel)
      }
      return channels
    },
    lastCharged: async (channelId) => (await read(keyOf(channelId)))?.lastCharged,
    release: async (channelId, pendingId) => {
      await updateChannel(channelId, (current) => {
        if (current?.pendingRequest?.pendingId !== pendingId) return current
        const { pendingRequest: _, ...rest } = current
        return rest
      })
    },
  }
}

/** A reservation that went while the charge grew was charged. */
function lastChargedAfter(before: Stored | undefined, next: Channel): { lastCharged?: string } {
  const pending = before?.channel.pendingRequest
  const grew =
    before !== undefined && BigInt(next.chargedCumulativeAmount) > BigInt(before.channel.chargedCumulativeAmount)
  const last =
    pending !== undefined && next.pendingRequest === undefined && grew ? pending.pendingId : before?.lastCharged
  return last === undefined ? {} : { lastCharged: last }
}

function keyOf(channelId: string): Digest {
  const key = channelId.toLowerCase()
  if (!isDigest(key)) throw new RangeError('expected the id of a channel')
  return key
}

const decoder = new TextDecoder('utf-8', { fatal: true })

const parse = (bytes: Uint8Array | undefined): Stored | undefined =>
  bytes === undefined ? undefined : (JSON.parse(decoder.decode(bytes)) as Stored)
