import { beforeAll, describe, expect, it } from 'vitest'
import { type AttackSuite, flipsOf } from './suite.ts'

const FLIPS_TIMEOUT_MS = 300_000

/** The tests of one kind's suite: every attack refused with its code, every flip refused or where nobody signed. */
export function describeAttacks(kind: string, load: () => Promise<AttackSuite>): void {
  describe(`attacks on ${kind} evidence`, () => {
    let suite: AttackSuite
    beforeAll(async () => {
      suite = await load()
    }, FLIPS_TIMEOUT_MS)

    it('accepts the good document, so that a refusal means something', async () => {
      expect(suite.kind).toBe(kind)
      expect(await suite.flips.judge(suite.flips.bytes)).toBe('accept')
    })

    it(
      'refuses each attack with the code of its rule',
      async () => {
        const results: Record<string, string> = {}
        for (const { name, run } of suite.attacks) results[name] = await run()
        expect(suite.attacks.length).toBeGreaterThan(0)
        expect(results).toEqual(Object.fromEntries(suite.attacks.map(({ name, expected }) => [name, expected])))
      },
      FLIPS_TIMEOUT_MS,
    )

    it(
      'refuses every single-byte flip outside the listed regions',
      async () => {
        const accepted: number[] = []
        for (const { at, bytes } of flipsOf(suite.flips.bytes))
          if ((await suite.flips.judge(bytes)) === 'accept') accepted.push(at)
        const listed = (at: number): boolean => suite.flips.unsigned.some(({ from, to }) => at >= from && at < to)
        expect(accepted.filter((at) => !listed(at))).toEqual([])
        for (const region of suite.flips.unsigned)
          expect(
            accepted.some((at) => at >= region.from && at < region.to),
            region.why,
          ).toBe(true)
      },
      FLIPS_TIMEOUT_MS,
    )
  })
}
