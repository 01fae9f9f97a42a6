import { type Command, Option } from 'commander'
import { committeeJoin, committeeOpen, committeeShow } from './commands/committee.ts'
import {
  stakeAdd,
  stakeFreeze,
  stakePayout,
  stakeRegister,
  stakeRemove,
  stakeRotate,
  stakeShow,
  stakeWithdraw,
} from './commands/stake.ts'
import { walletCreate, walletShow } from './commands/wallet.ts'
import { address, example, opgAmount, wholeNumber, withHome, withJson, withWallet } from './options.ts'
import type { RunCommand } from './program.ts'

const withRole = (command: Command): Command =>
  command.addOption(
    new Option('--role <role>', 'what is staked for')
      .choices(['provider', 'verifier', 'settler'])
      .makeOptionMandatory(),
  )
const withOperator = (command: Command): Command =>
  command.option('--operator <address>', 'the operator; that of the home when left out', address)
const inHome = (command: Command): Command => withHome(withJson(command))
const paid = (command: Command): Command => withWallet(inHome(command))

/** The sub-commands that read and write the contracts. */
export function addChain(program: Command, run: RunCommand): void {
  addWallet(program, run)
  addStake(program, run)
  addCommittee(program, run)
}

function addWallet(program: Command, run: RunCommand): void {
  const wallet = program.command('wallet').description('the account that stakes, votes and is paid')
  const create = wallet.command('create').description('make a new wallet in the home')
  example(inHome(create), 'OPG_WALLET_PASSWORD_FILE=password.txt opg wallet create').action((options) =>
    run(options.json, (context) => walletCreate(options, context)),
  )
  const show = wallet.command('show').description('its address, what it holds, has staked and may vote with')
  example(paid(show), 'opg wallet show').action((options) =>
    run(options.json, (context) => walletShow(options, context)),
  )
}

function addStake(program: Command, run: RunCommand): void {
  const stake = program.command('stake').description('what backs an operator’s work')
  const show = stake.command('show').description('owner, roles, amounts, when they count, when they come free')
  example(withOperator(inHome(show)), 'opg stake show').action((options) =>
    run(options.json, (context) => stakeShow(options, context)),
  )
  const register = stake
    .command('register')
    .description('make the wallet the owner of the home’s operator, for good')
    .option('--payout <address>', 'who receives what the operator earns; the wallet when left out', address)
  example(paid(register), 'opg stake register').action((options) =>
    run(options.json, (context) => stakeRegister(options, context)),
  )
  const add = stake
    .command('add')
    .description('stake OPG for a role; it counts from the epoch after next')
    .argument('<amount>', 'OPG, such as 10000 or 0.5', opgAmount)
    .option('--no-approve', 'fail when StakeManager may not take the amount yet, instead of allowing it')
  example(withOperator(withRole(paid(add))), 'opg stake add 10000 --role provider').action((amount: bigint, options) =>
    run(options.json, (context) => stakeAdd(amount, options, context)),
  )
  const remove = stake
    .command('remove')
    .description('take OPG out of weight and votes at once and start its unbonding')
    .argument('<amount>', 'OPG', opgAmount)
  example(withOperator(withRole(paid(remove))), 'opg stake remove 500 --role verifier').action(
    (amount: bigint, options) => run(options.json, (context) => stakeRemove(amount, options, context)),
  )
  const withdraw = stake.command('withdraw').description('pay what has unbonded to the owner')
  example(withOperator(withRole(paid(withdraw))), 'opg stake withdraw --role verifier').action((options) =>
    run(options.json, (context) => stakeWithdraw(options, context)),
  )
  const payout = stake
    .command('payout')
    .description('change who receives what the operator earns')
    .argument('<address>', 'the new receiver', address)
  example(withOperator(paid(payout)), 'opg stake payout 0x…').action((receiver: `0x${string}`, options) =>
    run(options.json, (context) => stakePayout(receiver, options, context)),
  )
  const freeze = stake
    .command('freeze')
    .description('take all weight from the operator’s key at once, for good: for a key that was stolen')
  example(withOperator(paid(freeze)), 'opg stake freeze').action((options) =>
    run(options.json, (context) => stakeFreeze(options, context)),
  )
  const rotate = stake
    .command('rotate')
    .description('move the stake to the home’s operator key; the old key stays liable')
    .requiredOption('--from <address>', 'the operator key that is replaced', address)
  example(paid(rotate), 'opg stake rotate --from 0x… --home new-home').action((options) =>
    run(options.json, (context) => stakeRotate(options, context)),
  )
}

function addCommittee(program: Command, run: RunCommand): void {
  const committee = program.command('committee').description('who signs batches and judges')
  const show = committee
    .command('show')
    .description('seats and weights of an epoch, and whether the home’s operator signs')
    .option('--epoch <number>', 'the present one when left out', wholeNumber)
  example(withOperator(inHome(show)), 'opg committee show').action((options) =>
    run(options.json, (context) => committeeShow(options, context)),
  )
  const join = committee
    .command('join')
    .description('put a matured verifier into the active set, from which the next epochs are opened')
  example(withOperator(paid(join)), 'opg committee join').action((options) =>
    run(options.json, (context) => committeeJoin(options, context)),
  )
  const open = committee
    .command('open')
    .description('freeze the set of the present epoch; anyone may, and chooses nothing')
  example(paid(open), 'opg committee open').action((options) =>
    run(options.json, (context) => committeeOpen(options, context)),
  )
}
