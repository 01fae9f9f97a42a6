import { Command, InvalidArgumentError, Option } from 'commander'
import {
  LOG_LEVELS,
  type NodePorts,
  packageVersion,
  ROLES,
  type RoleOfNode,
  SIMULATED_FORMATS,
  type SimulatedFormat,
} from '../node/index.ts'
import { addAttestation } from './attestProgram.ts'
import { addChain } from './chainProgram.ts'
import { addChannels } from './channelProgram.ts'
import { batchList, batchShow, batchVerify } from './commands/batch.ts'
import { type DevnetLauncher, devnetDirectory, devnetDown, devnetStatus, devnetUp } from './commands/devnet.ts'
import { doctor } from './commands/doctor.ts'
import { init } from './commands/init.ts'
import { type NodeStartOptions, nodeStart, nodeStatus, nodeStop } from './commands/node.ts'
import { receiptVerify } from './commands/receipt.ts'
import { version } from './commands/version.ts'
import type { CliContext, CommandResult } from './context.ts'
import { CliError } from './errors.ts'
import { example, positive, withDirectory, withHome, withJson } from './options.ts'
import { addPayments } from './paymentProgram.ts'
import { addJobs, addRequests } from './requestProgram.ts'

/** Runs one command and reports its result; `json` as its options say. */
export type RunCommand = (json: boolean, command: (context: CliContext) => Promise<CommandResult>) => Promise<void>

export interface ProgramComponents {
  readonly run: RunCommand
  /** Absent in the installed package. */
  readonly loadDevnet?: () => Promise<DevnetLauncher>
  /** What a node takes instead of its machine's own: devnet adversaries. */
  readonly ports?: Partial<NodePorts>
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

/** The program `opg`, one sub-command a file of `commands/`. Nothing runs before `parseAsync`. */
export function createProgram({ run, loadDevnet, ports = {}, out, err }: ProgramComponents): Command {
  const program = new Command('opg')
    .description('A peer-to-peer network for verifiable AI inference')
    .version(packageVersion(), '-V, --version')
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err, outputError: () => undefined })
    .showSuggestionAfterError()
  addNode(program, run, ports)
  addRequests(program, run)
  addJobs(program, run)
  addReceipts(program, run)
  addAttestation(program, run)
  addChain(program, run)
  addPayments(program, run)
  addChannels(program, run)
  addDevnet(program, run, loadDevnet)
  const doctorCommand = program
    .command('doctor')
    .description('what this machine can attest with, and what would keep a node from working')
  example(withHome(withJson(doctorCommand)), 'opg doctor --json').action((options) =>
    run(options.json, (context) => doctor(options, context)),
  )
  const versionCommand = withJson(program.command('version').description('print the version'))
  example(versionCommand, 'opg version --json').action((options: { json: boolean }) =>
    run(options.json, async () => version()),
  )
  return program
}

function addNode(program: Command, run: RunCommand, ports: Partial<NodePorts>): void {
  const initCommand = program
    .command('init')
    .description('make a home: configuration, network file, a new operator key')
    .requiredOption('--network <file>', 'network.json, from whoever runs the network')
    .option('--role <role...>', `what the node does: ${ROLES.join(', ')}`, roles)
    .option('--rpc <url...>', 'HTTP endpoints of the chain')
  example(withHome(withJson(initCommand)), 'opg init --network network.json --role provider').action((options) =>
    run(options.json, (context) => init(options, context)),
  )
  const node = program.command('node').description('run a node, ask it, stop it')
  const start = node
    .command('start')
    .description('run a node in the foreground until it is told to stop')
    .option('--role <role...>', 'instead of the roles in config.json', roles)
    .option('--until-eof', 'also stop when standard input ends', false)
    .addOption(new Option('--log-level <level>', 'instead of log.level in config.json').choices(LOG_LEVELS))
  example(withHome(withJson(start)), 'opg node start --role verifier --role settler').action(
    (options: NodeStartOptions & { json: boolean }) =>
      run(options.json, (context) => nodeStart(options, context, ports)),
  )
  const status = node.command('status').description('ask the node that runs on the home')
  example(withHome(withJson(status)), 'opg node status --json').action((options) =>
    run(options.json, (context) => nodeStatus(options, context)),
  )
  const stop = node.command('stop').description('let running jobs end, then stop the node')
  example(withHome(withJson(stop)), 'opg node stop').action((options) =>
    run(options.json, (context) => nodeStop(options, context)),
  )
}

function addReceipts(program: Command, run: RunCommand): void {
  const receipt = program.command('receipt').description('receipt files')
  const verify = receipt
    .command('verify')
    .description('check everything a receipt file holds, offline; with --rpc on chain as well')
    .argument('<file>', 'receipt file')
    .option('--network <file>', "network.json with a devnet's trust roots; the home's when left out")
    .option('--rpc <url...>', 'HTTP endpoints of the chain')
  example(withHome(withJson(verify)), 'opg receipt verify receipt.json --rpc http://127.0.0.1:8545').action(
    (file: string, options) => run(options.json, (context) => receiptVerify(file, options, context)),
  )
  const batch = program.command('batch').description('batches anchored on chain')
  const list = batch
    .command('list')
    .description('the last batches, newest first')
    .option('--last <count>', 'how many', positive, 20)
  example(withHome(withJson(list)), 'opg batch list --last 5').action((options) =>
    run(options.json, (context) => batchList(options, context)),
  )
  const show = batch
    .command('show')
    .description('one batch and its leaves')
    .argument('<number>', 'batch number', positive)
  example(withHome(withJson(show)), 'opg batch show 3').action((number: number, options) =>
    run(options.json, (context) => batchShow(number, options, context)),
  )
  const recount = batch
    .command('verify')
    .description('recompute leaves, signatures and certificates of a batch')
    .argument('<number>', 'batch number', positive)
  example(withHome(withJson(recount)), 'opg batch verify 3 --json').action((number: number, options) =>
    run(options.json, (context) => batchVerify(number, options, context)),
  )
}

function addDevnet(program: Command, run: RunCommand, loadDevnet: ProgramComponents['loadDevnet']): void {
  const load = async (): Promise<DevnetLauncher> => {
    if (loadDevnet !== undefined) return await loadDevnet()
    throw new CliError({
      code: 'usage',
      message: 'a devnet needs a checkout with its development dependencies; the installed package has none',
    })
  }
  const devnet = program.command('devnet').description('a whole network on this machine, worth nothing')
  const up = devnet
    .command('up')
    .description('start a chain, deploy, start the nodes; Ctrl-C stops all of it')
    .option('--providers <count>', 'how many providers', positive, 1)
    .option('--verifiers <count>', 'how many verifiers; a committee needs 3', positive, 4)
    .option('--settlers <count>', 'how many settlers', positive, 1)
    .option('--evidence <formats>', `simulated evidence of the providers, in turn: ${SIMULATED_FORMATS}`, formats, [
      'nitro',
    ])
    .option('--seed <text>', 'from which every key of a node follows', 'devnet')
    .option('--detach', 'return once it is healthy and leave it running', false)
  example(withDirectory(withJson(up)), 'opg devnet up --providers 3 --evidence nitro,tdx,sev-snp --detach').action(
    (options) =>
      run(options.json, async (context) =>
        devnetUp(await load(), { ...options, directory: devnetDirectory(options.dir, context) }, context),
      ),
  )
  const down = devnet.command('down').description('stop the devnet of a directory')
  example(withDirectory(withJson(down)), 'opg devnet down').action((options) =>
    run(options.json, async (context) => devnetDown(await load(), devnetDirectory(options.dir, context))),
  )
  const status = devnet.command('status').description('every process of the devnet of a directory')
  example(withDirectory(withJson(status)), 'opg devnet status').action((options) =>
    run(options.json, async (context) => devnetStatus(await load(), devnetDirectory(options.dir, context))),
  )
}

function roles(text: string, before: readonly RoleOfNode[] = []): RoleOfNode[] {
  const role = ROLES.find((known) => known === text)
  if (role !== undefined) return [...before, role]
  throw new InvalidArgumentError(`expected one of ${ROLES.join(', ')}, got ${text}`)
}

function formats(text: string): SimulatedFormat[] {
  return text.split(',').map((name) => {
    const format = SIMULATED_FORMATS.find((known) => known === name)
    if (format !== undefined) return format
    throw new InvalidArgumentError(`expected some of ${SIMULATED_FORMATS.join(',')}, got ${text}`)
  })
}
