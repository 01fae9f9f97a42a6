import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, chromium, type JSHandle } from 'playwright-core'
import { browserBundle } from '../../../scripts/browserBundle.ts'
import type { SignatureCase } from '../signatureCases.ts'
import type { Judgement, Minted, MintRequest, Question } from './page.ts'
import { packed, unpacked } from './values.ts'

const CHROMIUM = '/usr/bin/chromium'
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
]

/** Scripts of the server alone, neither `eval` nor any connection: what a careful site would allow a verifier. */
const CONTENT_SECURITY_POLICY = "default-src 'none'; script-src 'self'; img-src data:"
const TEXT_TYPE = { '.js': 'text/javascript', '': 'text/html' } as const
/** Milliseconds: a browser that takes longer hangs. */
const HANG_MS = 120_000

export const hasChromium = (): boolean => existsSync(CHROMIUM)

type Action = 'judge' | 'mint' | 'verify'

/** A page of a real browser with the bundle of `src/attestation` and nothing else. */
export interface BrowserPage {
  readonly version: string
  judge(question: Question): Promise<Judgement>
  mint(request: MintRequest): Promise<Minted>
  /** What WebCrypto says of each, in order. */
  verify(cases: readonly SignatureCase[]): Promise<readonly boolean[]>
  /** Requests of the page to anyone but its own server, and what it wrote to its console. */
  readonly incidents: readonly string[]
  close(): Promise<void>
}

/** Throws where the room does not bundle or the browser does not start. */
export async function openBrowserPage(): Promise<BrowserPage> {
  const served = await servedScripts({
    '/attestation.js': 'src/attestation/index.ts',
    '/page.js': 'test/support/browser/page.ts',
  })
  const server = await listen(served)
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  let browser: Browser | undefined
  const close = async (): Promise<void> => {
    await browser?.close()
    await new Promise((resolve) => server.close(resolve))
  }
  try {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, timeout: HANG_MS })
    const page = await browser.newPage()
    page.setDefaultTimeout(HANG_MS)
    const incidents: string[] = []
    page.on('request', (request) => {
      if (!request.url().startsWith(`${origin}/`)) incidents.push(`request to ${request.url()}`)
    })
    page.on('console', (message) => incidents.push(`${message.type()}: ${message.text()}`))
    page.on('pageerror', (error) => incidents.push(String(error)))
    await page.goto(`${origin}/`)
    const answer = (await page.evaluateHandle(
      `Promise.all([import('/attestation.js'), import('/page.js')])
        .then(([room, page]) => (action, asked) => page[action](room, asked))`,
    )) as JSHandle<(action: Action, asked: string) => Promise<string>>
    const ask = async (action: Action, asked: unknown): Promise<unknown> =>
      unpacked(await answer.evaluate((answers, [name, text]) => answers(name, text), [action, packed(asked)] as const))
    return {
      version: browser.version(),
      judge: async (question) => (await ask('judge', question)) as Judgement,
      mint: async (request) => (await ask('mint', request)) as Minted,
      verify: async (cases) => (await ask('verify', cases)) as boolean[],
      incidents,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** The answer to each path: the bundle of each entry, and a page that is empty. */
async function servedScripts(entries: Readonly<Record<string, string>>): Promise<ReadonlyMap<string, string>> {
  const served = new Map([['/', '<!doctype html><link rel="icon" href="data:,">']])
  for (const [path, entry] of Object.entries(entries)) {
    const result = await browserBundle(entry)
    if (!result.ok) throw new TypeError(`${entry} is no code for browsers: ${JSON.stringify(result.offending)}`)
    served.set(path, result.bundle.code)
  }
  return served
}

async function listen(served: ReadonlyMap<string, string>): Promise<Server> {
  const server = createServer(({ url = '' }, response) => {
    const text = served.get(url)
    response.writeHead(text === undefined ? 404 : 200, {
      'content-type': url.endsWith('.js') ? TEXT_TYPE['.js'] : TEXT_TYPE[''],
      'content-security-policy': CONTENT_SECURITY_POLICY,
    })
    response.end(text)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return server
}
