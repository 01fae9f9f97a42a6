/** Runs the end-to-end suites named, or all: `npm run e2e -- x402`. */
import { startVitest } from 'vitest/node'

const names = process.argv.slice(2)
const files = names.length === 0 ? ['test/e2e/'] : names.map((name) => `test/e2e/${name}.test.ts`)
const vitest = await startVitest('test', files, { watch: false })
await vitest.close()
