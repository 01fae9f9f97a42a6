import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as room from '../../src/attestation/index.ts'
import { nodeAttestationCrypto } from '../../src/node/index.ts'
import { manifestEntries, questionOf } from '../conformance/manifestEntries.ts'
import { type BrowserPage, hasChromium, openBrowserPage } from '../support/browser/browserPage.ts'
import { documentsBeside, mintedTokens } from '../support/browser/otherDocuments.ts'
import { type Judgement, judgeQuestion, type Question, SIMULATED_MACHINES } from '../support/browser/page.ts'
import { packed, unpacked } from '../support/browser/values.ts'
import { signatureCases } from '../support/signatureCases.ts'
import { VECTORS } from '../support/vectors.ts'

const REQUIRED = process.env.CI === 'true'
/** Milliseconds: bounds on hangs alone. */
const START_MS = 300_000
const JUDGE_MS = 120_000

const NOW = Date.UTC(2026, 5, 1, 12)
const REPORT_DATA = new Uint8Array(32).fill(0xab)
/** Places of a document, evenly spread, where a bit is flipped. */
const FLIPS = 8

const folder = VECTORS && join(VECTORS, 'tee')
const manifest = folder === undefined ? [] : await manifestEntries(join(folder, 'MANIFEST.json'), VECTORS)
const beside = folder === undefined ? [] : documentsBeside(folder)

/** Node's judgement, as it would come out of a page. */
const judgeInNode = async (question: Question): Promise<Judgement> =>
  unpacked(packed(await judgeQuestion(room, question, nodeAttestationCrypto()))) as Judgement

const codeOf = (judgement: Judgement): string => ('accepted' in judgement ? 'accept' : judgement.refused.detail.code)

function flipped(question: Question, at: number): Question {
  const document = new Uint8Array(question.input.document)
  document[at] = (document[at] ?? 0) ^ 1
  return { ...question, input: { ...question.input, document } }
}

if (!hasChromium())
  it("SKIPPED: needs Debian's chromium", (context) => {
    process.stdout.write("SKIPPED: needs Debian's chromium (apt-get install --no-install-recommends chromium)\n")
    if (REQUIRED) expect.fail('expected a browser in CI, got none')
    context.skip("SKIPPED: needs Debian's chromium")
  })

if (VECTORS === undefined)
  it('SKIPPED: the shared manifest needs OPG_VECTORS', (context) => {
    if (REQUIRED) expect.fail('expected OPG_VECTORS to name the folder of vectors, got nothing')
    context.skip('SKIPPED: needs OPG_VECTORS')
  })

describe.runIf(hasChromium())('R28: verifiers in a browser', { timeout: JUDGE_MS }, () => {
  let page: BrowserPage
  beforeAll(async () => {
    page = await openBrowserPage()
  }, START_MS)
  afterAll(async () => {
    await page?.close()
  })

  /** The page's code, where its judgement is Node's in every member. */
  async function agreed(question: Question): Promise<string> {
    const judged = await page.judge(question)
    expect(judged).toStrictEqual(await judgeInNode(question))
    return codeOf(judged)
  }

  /** Flips a bit here and there: some flips lie where nothing is signed, most are refused. */
  async function agreedOnFlips(question: Question): Promise<void> {
    const { length } = question.input.document
    const codes: string[] = []
    for (let flip = 0; flip < FLIPS; flip += 1)
      codes.push(await agreed(flipped(question, Math.floor(((flip + 0.5) * length) / FLIPS))))
    expect(codes.some((code) => code !== 'accept')).toBe(true)
  }

  it('answer of every good and bad signature what Node answers', async () => {
    const cases = signatureCases()
    const answers = await page.verify(cases)
    const named = cases.map(({ name }, position) => ({ name, expected: answers[position] }))
    expect(named).toStrictEqual(cases.map(({ name, expected }) => ({ name, expected })))
  })

  it.each(SIMULATED_MACHINES)(
    'R6: judge what a simulated machine (%s) makes in the page as Node does, whole and with a bit flipped',
    async (machine) => {
      const { input, trustRoots } = await page.mint({ machine, now: NOW, reportData: REPORT_DATA })
      const context = { now: NOW, trustRoots, expectedReportData: REPORT_DATA, policy: room.devnetPolicy() }
      const changes: readonly [code: string, change: Partial<Question['context']>][] = [
        ['accept', {}],
        ['assurance-refused', { policy: room.productionPolicy() }],
        ['untrusted-root', { trustRoots: room.vendorRoots() }],
        ['report-data-mismatch', { expectedReportData: new Uint8Array(32).fill(0xcd) }],
      ]
      for (const [code, change] of changes)
        expect(await agreed({ input, context: { ...context, ...change } })).toBe(code)
      const good = await page.judge({ input, context })
      expect(good).toMatchObject({ accepted: { kind: input.kind, assurance: 'simulated' } })
      await agreedOnFlips({ input, context })
    },
  )

  it.each(manifest.map((entry) => ({ entry, kind: entry.vector.kind, name: entry.vector.name })))(
    'judge $kind $name of the manifest as Node does, whole and with a bit flipped',
    async ({ entry }) => {
      const question = await questionOf(entry)
      await agreed(question)
      await agreedOnFlips(question)
    },
  )

  it.each(beside.map(({ entry, code }) => ({ entry, code, kind: entry.vector.kind, name: entry.vector.name })))(
    'judge $kind $name as Node does, whole and with a bit flipped: $code',
    async ({ entry, code }) => {
      const question = await questionOf(entry)
      expect(await agreed(question)).toBe(code)
      await agreedOnFlips(question)
    },
  )

  it('judge tokens of the clouds as Node does, whole and with a bit flipped', async () => {
    for (const question of await mintedTokens()) {
      expect(await agreed(question)).toBe('accept')
      await agreedOnFlips(question)
    }
  })

  it('ask nobody else and write nothing to the console', () => {
    expect(page.incidents).toEqual([])
  })
})
