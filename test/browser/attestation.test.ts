import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as room from '../../src/attestation/index.ts'
import { nodeAttestationCrypto } from '../../src/node/index.ts'
import { type ManifestEntry, manifestEntries, questionOf } from '../conformance/manifestEntries.ts'
import { type BrowserPage, hasChromium, openBrowserPage } from '../support/browser/browserPage.ts'
import { type Judgement, judgeQuestion, type Question, SIMULATED_KINDS } from '../support/browser/page.ts'
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

const entries: readonly ManifestEntry[] =
  VECTORS === undefined ? [] : await manifestEntries(join(VECTORS, 'tee', 'MANIFEST.json'), VECTORS)

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

describe.runIf(hasChromium())('R28: verifiers in a browser', () => {
  let page: BrowserPage
  beforeAll(async () => {
    page = await openBrowserPage()
  }, START_MS)
  afterAll(async () => {
    await page?.close()
  })

  it(
    'answer of every good and bad signature what Node answers',
    async () => {
      const cases = signatureCases()
      const answers = await page.verify(cases)
      const named = cases.map(({ name }, position) => ({ name, expected: answers[position] }))
      expect(named).toStrictEqual(cases.map(({ name, expected }) => ({ name, expected })))
    },
    JUDGE_MS,
  )

  describe.each(SIMULATED_KINDS)('simulated %s documents made in the page', (kind) => {
    const question = async (policy: room.EvidencePolicy): Promise<Question> => {
      const { input, trustRoots } = await page.mint({ kind, now: NOW, reportData: REPORT_DATA })
      return { input, context: { now: NOW, trustRoots, expectedReportData: REPORT_DATA, policy } }
    }

    it(
      'are accepted there and in Node with one verdict, as simulated',
      async () => {
        const asked = await question(room.devnetPolicy())
        const judged = await page.judge(asked)
        expect(judged).toMatchObject({ accepted: { kind, assurance: 'simulated' } })
        expect(judged).toStrictEqual(await judgeInNode(asked))
      },
      JUDGE_MS,
    )

    it(
      'R6: are refused there where hardware is asked for',
      async () => {
        expect(codeOf(await page.judge(await question(room.productionPolicy())))).toBe('assurance-refused')
      },
      JUDGE_MS,
    )

    it(
      'are refused there for another peer, and with a bit flipped as Node refuses them',
      async () => {
        const asked = await question(room.devnetPolicy())
        const expectedReportData = new Uint8Array(32).fill(0xcd)
        const other = await page.judge({ ...asked, context: { ...asked.context, expectedReportData } })
        expect(codeOf(other)).toBe('report-data-mismatch')
        const changed = flipped(asked, asked.input.document.length - 1)
        const judged = await page.judge(changed)
        expect(codeOf(judged)).toBe('bad-signature')
        expect(judged).toStrictEqual(await judgeInNode(changed))
      },
      JUDGE_MS,
    )
  })

  it.each(entries.map((entry) => ({ entry, kind: entry.vector.kind, name: entry.vector.name })))(
    '$kind $name has in the page the verdict it has in Node, whole and with a bit flipped',
    async ({ entry }) => {
      const asked = await questionOf(entry)
      expect(await page.judge(asked)).toStrictEqual(await judgeInNode(asked))
      const codes: string[] = []
      for (let flip = 0; flip < FLIPS; flip += 1) {
        const changed = flipped(asked, Math.floor(((flip + 0.5) * asked.input.document.length) / FLIPS))
        const judged = await page.judge(changed)
        expect(judged).toStrictEqual(await judgeInNode(changed))
        codes.push(codeOf(judged))
      }
      expect(codes.some((code) => code !== 'accept')).toBe(true)
    },
    JUDGE_MS,
  )

  it('asks nobody else and meets no error of its own', () => {
    expect(page.incidents).toEqual([])
  })
})
