import { type Command, Option } from 'commander'
import { LOG_LEVELS } from '../node/index.ts'
import { type FacilitatorOptions, facilitator } from './commands/facilitator.ts'
import { example, port, withHome, withJson } from './options.ts'
import type { RunCommand } from './program.ts'

/** Commands of x402 payments. */
export function addPayments(program: Command, run: RunCommand): void {
  const facilitatorCommand = program
    .command('facilitator')
    .description('verify and settle x402 payments over HTTP, paying their gas, until it is told to stop')
    .option('--key <file>', 'operator key file of who pays for gas; the node’s own when left out')
    .option('--host <address>', 'address to bind instead of facilitator.host in config.json')
    .option('--port <number>', 'port instead of facilitator.port; 0 lets the system choose', port)
    .option('--until-eof', 'also stop when standard input ends', false)
    .addOption(new Option('--log-level <level>', 'instead of log.level in config.json').choices(LOG_LEVELS))
  example(withHome(withJson(facilitatorCommand)), 'opg facilitator --port 8802').action(
    (options: FacilitatorOptions & { json: boolean }) => run(options.json, (context) => facilitator(options, context)),
  )
}
