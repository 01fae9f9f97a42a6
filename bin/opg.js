#!/usr/bin/env node
// Plain JavaScript on purpose: an old Node must reach the check before any syntax or API it lacks.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 12)) {
  process.stderr.write(
    `opg: Node ${process.versions.node} is too old: expected 22.12 or later. In a checkout use "npm run opg --", which brings its own Node.\n`,
  )
  process.exit(64)
}
const { existsSync } = await import('node:fs')
const source = new URL('../src/cli/main.ts', import.meta.url)
const inCheckout = existsSync(source)
const { main } = await import(inCheckout ? source.href : new URL('../dist/src/cli/main.js', import.meta.url).href)
const launcher = new URL('../devnet/launcher.ts', import.meta.url)
await main(process.argv, inCheckout ? { loadDevnet: async () => (await import(launcher.href)).devnetLauncher } : {})
