import { type Command, InvalidArgumentError, Option } from 'commander'
import { LOG_LEVELS } from '../node/index.ts'
import { type FacilitatorOptions, facilitator } from './commands/facilitator.ts'
import { type GatewayOptions, gateway } from './commands/gateway.ts'
import { type PayFetchOptions, payFetch } from './commands/payFetch.ts'
import { example, maxAmount, port, positive, withHome, withJson, withWallet } from './options.ts'

import type { RunCommand } from './program.ts'

/** Commands of x402 payments. */
export function addPayments(program: Command, run: RunCommand): void {
  const gatewayCommand = program
    .command('gateway')
    .description('sell inference to x402 clients over HTTP (Open Inference Protocol), until it is told to stop')
    .option('--host <address>', 'address to bind instead of gateway.host in config.json')
    .option('--port <number>', 'port instead of gateway.port; 0 lets the system choose', port)
    .option('--until-eof', 'also stop when standard input ends', false)
    .addOption(new Option('--log-level <level>', 'instead of log.level in config.json').choices(LOG_LEVELS))
  example(withHome(withJson(gatewayCommand)), 'opg gateway --port 8801').action(
    (options: GatewayOptions & { json: boolean }) => run(options.json, (context) => gateway(options, context)),
  )
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
  const payFetchCommand = program
    .command('pay-fetch')
    .description('fetch a page from any x402 v2 server, and pay for it as the policy of the wallet allows')
    .argument('<url>', 'https, or http on this machine or to a host that the policy names')
    .option('--method <method>', 'GET, or POST with --data', httpMethod)
    .option('--header <line>', 'a header, "Name: value"; may be repeated', collected, [])
    .option('--data <text>', 'the body of the request')
    .option('--max <amount>', 'the most it may cost: the token’s smallest unit, or for example "1.5 OPG"', maxAmount)
    .option('--timeout <seconds>', 'give up after', positive, 60)
    .option('--max-bytes <count>', 'largest answer that is read', positive, 16_777_216)
  example(
    withWallet(withHome(withJson(payFetchCommand))),
    'opg pay-fetch https://example.com/paid --max "0.1 OPG"',
  ).action((url: string, options: PayFetchOptions & { json: boolean }) =>
    run(options.json, (context) => payFetch(url, options, context)),
  )
}

const collected = (line: string, before: readonly string[]): string[] => [...before, line]

function httpMethod(text: string): string {
  const method = text.toUpperCase()
  if (/^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$/.test(method)) return method
  throw new InvalidArgumentError(`expected a method of HTTP such as GET or POST, got ${text}`)
}
