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
/** Part of a target's name, to run that one alone. */
const ONLY = process.env.FUZZ_ONLY ?? ''
const targets: (FuzzTarget & { readonly name: string })[] = []
for (const load of await loadersIn<FuzzTarget>(folder, 'FuzzTarget', SUPPORT))
  targets.push({ ...(await load()), name: load.name.replace('FuzzTarget', '') })

/** The least of three times: a busy machine is not a slow verifier. */
async function leastTime(run: FuzzTarget['run'], document: Uint8Array): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let time = 0; time < 3; time += 1) {
    const start = performance.now()
    await run(document)
    least = Math.min(least, performance.now() - start)
  }
  return least
}

describe('verifiers under mutated documents', () => {
  it('leaves no kind out', () => {
    expect([...new Set(targets.map(({ kind }) => kind))].sort()).toEqual(Object.keys(REPORT_DATA_BYTES).sort())
  })

  it.each(targets.filter(({ name }) => name.includes(ONLY)))(
    `$name: answers ${RUNS} of them with a code, never an exception, never late, and keeps no memory`,
    async (target) => {
      const pick = numbers(SEED)
      const mutations = Object.entries<Mutation>(BYTE_MUTATIONS)
      const seedOf = (): Uint8Array => target.seeds[pick(target.seeds.length)] as Uint8Array
      expect(await Promise.all(target.seeds.map(target.run))).toEqual(target.seeds.map(() => 'accept'))
      const before = heapAfterCollection()
      let refused = 0
      for (let run = 0; run < RUNS; run += 1) {
        const [name, mutate] = mutations[pick(mutations.length)] as [string, Mutation]
        const document = mutate(seedOf(), pick, seedOf())
        const where = `${target.name}, ${name}, seed ${SEED}, run ${run}`
        const start = performance.now()
        const code = await target.run(document).catch((cause: unknown) => {
          throw new Error(`${where}: ${Buffer.from(document.subarray(0, 256)).toString('hex')}`, { cause })
        })
        const elapsed = performance.now() - start
        if (elapsed > SLOWEST_MS) expect(await leastTime(target.run, document), where).toBeLessThan(SLOWEST_MS)
        if (code !== 'accept') refused += 1
      }
      expect(refused).toBeGreaterThan(RUNS / 2)
      expect(heapAfterCollection() - before).toBeLessThan(HEAP_GROWTH_BYTES)
    },
    Math.max(60_000, RUNS * 20),
  )
})
