import { type Command, Option } from 'commander'
import { REPORT_DATA_BYTES } from '../node/index.ts'
import { type AttestVerifyOptions, attestExport, attestShow, attestVerify } from './commands/attest.ts'
import { digest, example, time, withJson } from './options.ts'
import type { RunCommand } from './program.ts'

type Flags<T> = T & { readonly json: boolean }

const KINDS = Object.keys(REPORT_DATA_BYTES)

/** What every command about a document takes: the document itself, and what goes with it. */
const withEvidence = (command: Command): Command =>
  command
    .argument('<file>', 'evidence in any form: binary, hex, base64, JSON, a token, or a receipt file')
    .addOption(new Option('--kind <kind>', 'which format; told from the content when left out').choices(KINDS))
    .option('--with <file...>', 'certificates, revocation lists, collateral or key sets that go with it')

const withPolicy = (command: Command): Command =>
  command
    .option('--policy <file>', 'what is accepted (docs/attestation.md); real hardware and any program when left out')
    .option('--network <file>', "network.json with a devnet's trust roots")
    .option('--as-of <time>', "when to judge it; now, or a receipt's own time, when left out", time)
    .option('--report-data <hex>', 'the 32 bytes it must speak for', digest)

/** `opg attest`: evidence in files, judged on this machine alone. */
export function addAttestation(program: Command, run: RunCommand): void {
  const attest = program.command('attest').description('evidence of hardware, judged offline')
  const show = attest.command('show').description('what a document says of itself, verified by nobody')
  example(withJson(withEvidence(show)), 'opg attest show quote.bin').action((file: string, options) =>
    run(options.json, () => attestShow(file, options)),
  )
  const verify = attest.command('verify').description('judge a document: what holds, and what was not checked')
  example(
    withJson(withPolicy(withEvidence(verify))),
    'opg attest verify report.bin --with vcek.der ask_ark.pem --as-of 2026-11-20T00:00:00Z',
  ).action((file: string, options: Flags<AttestVerifyOptions>) => run(options.json, () => attestVerify(file, options)))
  const exported = attest
    .command('export')
    .description('the verdict as a signed attestation result, or what goes with a document as one bundle')
    .addOption(new Option('--format <format>', 'what to write').choices(['ear', 'bundle']).makeOptionMandatory())
    .option('--key <file>', 'for ear: the private key that signs it, P-256 in PEM')
    .option('--out <file>', 'where to write it; stdout for ear, a file named by its digest for a bundle when left out')
  example(
    withJson(withPolicy(withEvidence(exported))),
    'opg attest export quote.bin --with collateral.json --format bundle --out quote.collateral',
  ).action((file: string, options) => run(options.json, () => attestExport(file, options)))
}
