import type { Peer, PeerStore } from '@libp2p/interface'

/**
 * js-libp2p merges the negotiated protocol into its peer store on both sides of every stream: lock, read, decode, compare, though
 * nothing changes. It was a third of the CPU of a short stream. Merges that only repeat a known protocol are answered from here.
 * Returns a function that forgets a peer, to be called when it disconnects.
 */
export function skipRepeatedMerges(store: PeerStore): (peer: string) => void {
  const known = new Map<string, Map<string, Peer>>()
  const merge = store.merge.bind(store)
  const remove = store.delete.bind(store)
  store.merge = async (id, data, options) => {
    const protocol = onlyProtocol(data)
    if (protocol === undefined) return merge(id, data, options)
    const key = id.toString()
    const seen = known.get(key)?.get(protocol)
    if (seen !== undefined) return seen
    const peer = await merge(id, data, options)
    const protocols = known.get(key) ?? new Map<string, Peer>()
    known.set(key, protocols.set(protocol, peer))
    return peer
  }
  store.delete = (id, options) => {
    known.delete(id.toString())
    return remove(id, options)
  }
  return (peer) => known.delete(peer)
}

function onlyProtocol(data: Parameters<PeerStore['merge']>[1]): string | undefined {
  if (Object.keys(data).length !== 1 || data.protocols?.length !== 1) return undefined
  return data.protocols[0]
}
