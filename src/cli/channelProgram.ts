import type { Command } from 'commander'
import {
  channelClaim,
  channelDeposit,
  channelExport,
  channelFinalize,
  channelList,
  channelRefund,
  channelShow,
  channelWatch,
  channelWithdraw,
} from './commands/channel.ts'
import { account, example, opgAmount, withHome, withJson, withWallet } from './options.ts'
import type { RunCommand } from './program.ts'

type Provider = `0x${string}`

/** Sub-commands of payment channels. */
export function addChannels(program: Command, run: RunCommand): void {
  const channel = program.command('channel').description('payment channels with providers')
  const about = (name: string, description: string): Command =>
    channel.command(name).description(description).argument('<provider>', 'operator address of the provider', account)
  const paid = (command: Command): Command => withWallet(withHome(withJson(command)))
  const list = channel.command('list').description('the channels in the books of the home, with what the chain holds')
  example(withHome(withJson(list)), 'opg channel list --json').action((options) =>
    run(options.json, (context) => channelList(options, context)),
  )
  const show = about('show', 'the channel of wallet, operator key and provider, whether the books know it or not')
  example(paid(show), 'opg channel show 0x…').action((provider: Provider, options) =>
    run(options.json, (context) => channelShow(provider, options, context)),
  )
  for (const [name, description] of [
    ['open', 'open a channel with a first deposit; the provider pays the gas'],
    ['top-up', 'deposit more into a channel; the provider pays the gas'],
  ] as const) {
    const deposit = about(name, description)
      .argument('<amount>', 'OPG', opgAmount)
      .option(
        '--self',
        'send the transaction from the wallet, which pays the gas; the provider need not be there',
        false,
      )
    example(paid(deposit), `opg channel ${name} 0x… 5`).action((provider: Provider, amount: bigint, options) =>
      run(options.json, (context) => channelDeposit(provider, amount, options, context)),
    )
  }
  const refund = about('refund', 'ask the provider to pay back at once what it has not charged').option(
    '--amount <opg>',
    'OPG; all when left out',
    opgAmount,
  )
  example(paid(refund), 'opg channel refund 0x…').action((provider: Provider, options) =>
    run(options.json, (context) => channelRefund(provider, options, context)),
  )
  const withdraw = about('withdraw', 'start the timed exit, which needs no provider').option(
    '--amount <opg>',
    'OPG; all that is not claimed when left out',
    opgAmount,
  )
  example(paid(withdraw), 'opg channel withdraw 0x… --amount 2').action((provider: Provider, options) =>
    run(options.json, (context) => channelWithdraw(provider, options, context)),
  )
  const finalize = about('finalize', 'end a withdrawal whose delay is over')
  example(paid(finalize), 'opg channel finalize 0x…').action((provider: Provider, options) =>
    run(options.json, (context) => channelFinalize(provider, options, context)),
  )
  const claim = channel.command('claim').description('have the provider of the home claim and pay out all there is now')
  example(withHome(withJson(claim)), 'opg channel claim').action((options) =>
    run(options.json, (context) => channelClaim(options, context)),
  )
  const exported = channel
    .command('export')
    .description('write what the provider of the home may claim now as signed files, for watch-towers')
    .option('--out <directory>', 'where the files go', 'claims')
  example(withHome(withJson(exported)), 'opg channel export --out claims').action((options) =>
    run(options.json, (context) => channelExport(options, context)),
  )
  const watch = channel
    .command('watch')
    .description('claim what a provider signed ahead when a payer leaves; needs gas and no key of the provider')
    .argument('<file...>', 'files of claims, from opg channel export')
    .option('--now', 'claim at once and end', false)
  example(paid(watch), 'opg channel watch claims-*.json --wallet tower.json').action((files: string[], options) =>
    run(options.json, (context) => channelWatch(files, options, context)),
  )
}
