import { describe, expect, it } from 'vitest'
import { REPORT_DATA_BYTES } from '../../src/attestation/index.ts'
import { heapAfterCollection } from '../support/fuzz/heap.ts'
import { BYTE_MUTATIONS, type Mutation, numbers } from '../support/fuzz/mutations.ts'
import type { FuzzTarget } from '../support/fuzz/target.ts'
import { loadersIn } from '../support/modules.ts'

const RUNS = Number(process.env.FUZZ_RUNS ?? 2_000)
const SEED = Number(process.env.FUZZ_SEED ?? 1)
/** A bound on hangs: nothing a peer sends may hold a verifier longer. */
const SLOWEST_MS = 1_000
const HEAP_GROWTH_BYTES = 24 * 1024 * 1024

const SUPPORT = new Set(['heap.ts', 'mutations.ts', 'target.ts'])
const folder = new URL('../support/fuzz/', import.meta.url)
const targets: FuzzTarget[] = []
for (const load of await loadersIn<FuzzTarget>(folder, 'FuzzTarget', SUPPORT)) targets.push(await load())

describe('verifiers under mutated documents', () => {
  it('leaves no kind out', () => {
    expect([...new Set(targets.map(({ kind }) => kind))].sort()).toEqual(Object.keys(REPORT_DATA_BYTES).sort())
  })

  it.each(targets)(
    `$kind: answers ${RUNS} of them with a code, never an exception, never late, and keeps no memory`,
    async (target) => {
      const { kind } = target
      const pick = numbers(SEED)
      const mutations = Object.entries<Mutation>(BYTE_MUTATIONS)
      const seedOf = (): Uint8Array => target.seeds[pick(target.seeds.length)] as Uint8Array
      expect(await Promise.all(target.seeds.map(target.run))).toEqual(target.seeds.map(() => 'accept'))
      const before = heapAfterCollection()
      let slowest = { elapsed: 0, where: '' }
      let refused = 0
      for (let run = 0; run < RUNS; run += 1) {
        const [name, mutate] = mutations[pick(mutations.length)] as [string, Mutation]
        const document = mutate(seedOf(), pick, seedOf())
        const where = `${kind}, ${name}, seed ${SEED}, run ${run}`
        const start = performance.now()
        const code = await target.run(document).catch((cause: unknown) => {
          throw new Error(`${where}: ${Buffer.from(document.subarray(0, 256)).toString('hex')}`, { cause })
        })
        const elapsed = performance.now() - start
        if (elapsed > slowest.elapsed) slowest = { elapsed, where }
        if (code !== 'accept') refused += 1
      }
      expect(refused).toBeGreaterThan(RUNS / 2)
      expect(slowest.elapsed, slowest.where).toBeLessThan(SLOWEST_MS)
      expect(heapAfterCollection() - before).toBeLessThan(HEAP_GROWTH_BYTES)
    },
    Math.max(60_000, RUNS * 20),
  )
})
