import { Hosts } from './hosts.ts'

/** A process of its own that subscribes to a topic at the given address and says so; the test stops it with SIGSTOP. */
const [address, topic] = process.argv.slice(2)
if (address === undefined || topic === undefined) throw new Error('expected an address and a topic')
const host = await new Hosts().add('subscriber')
host.gossip.subscribe(topic, async () => ({ action: 'accept' }), {
  maxBytes: 65_536,
  queueLength: 16,
  expectedPerSecond: 10,
})
await host.connect(address)
process.send?.(host.peerId)
