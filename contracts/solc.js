#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import solc from 'solc'

// Stands where forge expects a native solc: --version, and --standard-json from stdin to stdout.
const version = `${solc.version().replace(/\.Emscripten\.clang$/, '')}.Linux.g++`

if (process.argv.includes('--version')) {
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`)
} else if (process.argv.includes('--standard-json')) {
  process.stdout.write(solc.compile(readFileSync(0, 'utf8')))
} else {
  process.stderr.write(`expected --version or --standard-json, got ${process.argv.slice(2).join(' ')}\n`)
  process.exitCode = 1
}
