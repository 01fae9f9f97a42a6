import { Argument, type Command, Option } from 'commander'
import {
  DEPRECATION,
  GOVERNED_MODULE,
  GOVERNED_PARAM,
  type ModuleName,
  type ParamName,
  VOTE,
  type VoteChoice,
} from '../node/index.ts'
import { committeeJoin, committeeOpen, committeeShow } from './commands/committee.ts'
import {
  govCancel,
  govDelegate,
  govExecute,
  govList,
  govParams,
  govProposeCalls,
  govProposeGuardian,
  govProposeModule,
  govProposeParam,
  govProposePay,
  govProposeSlasher,
  govQueue,
  govShow,
  govVote,
} from './commands/gov.ts'
import { modelAccept, modelDeprecate, modelOffer, modelPayee, modelRegister, modelShow } from './commands/model.ts'
import { rewardsClaim, rewardsDistribute, rewardsRelease, rewardsShow } from './commands/rewards.ts'
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
import {
  account,
  address,
  addressOr,
  example,
  modelId,
  opgAmount,
  wholeNumber,
  withHome,
  withJson,
  withWallet,
} from './options.ts'
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
  addGovernance(program, run)
  addRewards(program, run)
  addModel(program, run)
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
    .option('--payout <address>', 'who receives what the operator earns; the wallet when left out', account)
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
    .argument('<address>', 'the new receiver', account)
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

const withTitle = (command: Command): Command =>
  paid(command).requiredOption('--title <text>', 'what it is, in a line').option('--text <file>', 'why, in Markdown')

function addGovernance(program: Command, run: RunCommand): void {
  const gov = program.command('gov').description('proposals, votes and governed values')
  example(inHome(gov.command('list').description('every proposal, newest first')), 'opg gov list').action((options) =>
    run(options.json, (context) => govList(options, context)),
  )
  const proposal = (name: string, description: string): Command =>
    gov.command(name).description(description).argument('<proposal>', 'its number in the list, or its id')
  example(inHome(proposal('show', 'one proposal, its votes and what it does')), 'opg gov show 1').action(
    (reference: string, options) => run(options.json, (context) => govShow(reference, options, context)),
  )
  const params = gov.command('params').description('every governed value, its bounds, and what was announced')
  example(inHome(params), 'opg gov params').action((options) =>
    run(options.json, (context) => govParams(options, context)),
  )
  addProposals(gov, run)
  const cast = proposal('vote', 'cast the votes the wallet had when voting began')
    .addArgument(new Argument('<choice>', 'how').choices(Object.keys(VOTE)))
    .option('--reason <text>', 'kept in the chain’s log', '')
  example(paid(cast), 'opg gov vote 1 for').action((reference: string, choice: VoteChoice, options) =>
    run(options.json, (context) => govVote(reference, choice, options, context)),
  )
  example(paid(proposal('queue', 'start the timelock of a proposal that succeeded')), 'opg gov queue 1').action(
    (reference: string, options) => run(options.json, (context) => govQueue(reference, options, context)),
  )
  example(paid(proposal('execute', 'do what was voted, once the timelock is over')), 'opg gov execute 1').action(
    (reference: string, options) => run(options.json, (context) => govExecute(reference, options, context)),
  )
  example(
    paid(proposal('cancel', 'end a proposal: its proposer while it is pending, the guardian before it is executed')),
    'opg gov cancel 1',
  ).action((reference: string, options) => run(options.json, (context) => govCancel(reference, options, context)))
  const delegate = gov
    .command('delegate')
    .description('let one account vote with what the wallet holds and has staked')
    .argument('<address>', 'the account, or self', addressOr('self'))
  example(paid(delegate), 'opg gov delegate self').action((to: `0x${string}` | 'self', options) =>
    run(options.json, (context) => govDelegate(to, options, context)),
  )
}

function addProposals(gov: Command, run: RunCommand): void {
  const propose = gov.command('propose').description('put a change to the vote')
  const param = propose
    .command('param')
    .description('a governed share or penalty')
    .addArgument(new Argument('<name>', 'which: opg gov params').choices(Object.keys(GOVERNED_PARAM)))
    .argument('<basis-points>', 'its new value; 100 are one percent', wholeNumber)
  example(withTitle(param), 'opg gov propose param networkShare 1500 --title "A network share of 15 %"').action(
    (name: ParamName, value: number, options) =>
      run(options.json, (context) => govProposeParam(name, value, options, context)),
  )
  const module = propose
    .command('module')
    .description('where a replaceable module is')
    .addArgument(new Argument('<name>', 'which').choices(Object.keys(GOVERNED_MODULE)))
    .argument('<address>', 'the new contract, or none', addressOr('none'))
  example(withTitle(module), 'opg gov propose module evidence 0x… --title "Evidence, second form"').action(
    (name: ModuleName, target: `0x${string}` | 'none', options) =>
      run(options.json, (context) => govProposeModule(name, target, options, context)),
  )
  const slasher = propose
    .command('slasher')
    .description('a contract that may seize stake; it acts later than anyone can leave')
    .argument('<address>', 'the contract', address)
    .option('--remove', 'take that power away instead, at once', false)
  example(withTitle(slasher), 'opg gov propose slasher 0x… --title "Evidence, second form, may seize"').action(
    (target: `0x${string}`, options) => run(options.json, (context) => govProposeSlasher(target, options, context)),
  )
  const guardian = propose
    .command('guardian')
    .description('another guardian, or none')
    .argument('<address>', 'the account, or none', addressOr('none'))
  example(withTitle(guardian), 'opg gov propose guardian none --title "No guardian"').action(
    (target: `0x${string}` | 'none', options) =>
      run(options.json, (context) => govProposeGuardian(target, options, context)),
  )
  const pay = propose
    .command('pay')
    .description('a payment of OPG from the treasury')
    .argument('<address>', 'who is paid', account)
    .argument('<amount>', 'OPG', opgAmount)
  example(withTitle(pay), 'opg gov propose pay 0x… 1000 --title "An audit"').action(
    (to: `0x${string}`, amount: bigint, options) =>
      run(options.json, (context) => govProposePay(to, amount, options, context)),
  )
  const calls = propose
    .command('calls')
    .description('any calls, from a JSON file of {target, value, data}')
    .argument('<file>', 'the file')
  example(withTitle(calls), 'opg gov propose calls calls.json --title "Two calls"').action((file: string, options) =>
    run(options.json, (context) => govProposeCalls(file, options, context)),
  )
}

function addRewards(program: Command, run: RunCommand): void {
  const rewards = program.command('rewards').description('what epochs and fees have earned')
  const show = rewards
    .command('show')
    .description('roots, the budget of the last epoch, what was paid, what a splitter holds')
  example(withOperator(inHome(show)), 'opg rewards show').action((options) =>
    run(options.json, (context) => rewardsShow(options, context)),
  )
  const claim = rewards
    .command('claim')
    .description('pay an account what the latest final root gives it; anyone may')
    .argument('<table>', 'file of the reward table of that root')
  example(withOperator(paid(claim)), 'opg rewards claim rewards.json').action((file: string, options) =>
    run(options.json, (context) => rewardsClaim(file, options, context)),
  )
  const distribute = rewards
    .command('distribute')
    .description('settle an operator’s fees from its channels and split them; anyone may')
  example(withOperator(paid(distribute)), 'opg rewards distribute').action((options) =>
    run(options.json, (context) => rewardsDistribute(options, context)),
  )
  const release = rewards.command('release').description('send freed emission to the distributor; anyone may')
  example(paid(release), 'opg rewards release').action((options) =>
    run(options.json, (context) => rewardsRelease(options, context)),
  )
}

function addModel(program: Command, run: RunCommand): void {
  const model = program.command('model').description('who publishes which model, and its versions')
  const register = model
    .command('register')
    .description('register a model as the next version of the wallet’s line of that name')
    .argument('<folder>', 'model folder, or the manifest.json in it')
    .option('--payee <address>', 'who receives the hosts’ share; who the manifest names when left out', address)
  example(paid(register), 'opg model register models/volatility').action((path: string, options) =>
    run(options.json, (context) => modelRegister(path, options, context)),
  )
  const about = (name: string, description: string): Command =>
    model.command(name).description(description).argument('<model>', 'its id, hex or CID', modelId)
  example(inHome(about('show', 'one registered version')), 'opg model show 0x…').action((id: `0x${string}`, options) =>
    run(options.json, (context) => modelShow(id, options, context)),
  )
  const deprecate = about('deprecate', 'say that a version should not be used any more')
    .addOption(new Option('--reason <reason>', 'why').choices(Object.keys(DEPRECATION)).makeOptionMandatory())
    .option('--successor <model>', 'what to use instead', modelId)
  example(paid(deprecate), 'opg model deprecate 0x… --reason defect --successor 0x…').action(
    (id: `0x${string}`, options) => run(options.json, (context) => modelDeprecate(id, options, context)),
  )
  const payee = about('payee', 'change who receives the hosts’ share').argument('<address>', 'the receiver', address)
  example(paid(payee), 'opg model payee 0x… 0x…').action((id: `0x${string}`, to: `0x${string}`, options) =>
    run(options.json, (context) => modelPayee(id, to, options, context)),
  )
  const offer = about('offer', 'offer its line to another publisher').argument('<address>', 'who may accept', address)
  example(paid(offer), 'opg model offer 0x… 0x…').action((id: `0x${string}`, to: `0x${string}`, options) =>
    run(options.json, (context) => modelOffer(id, to, options, context)),
  )
  example(paid(about('accept', 'take over a line that was offered')), 'opg model accept 0x…').action(
    (id: `0x${string}`, options) => run(options.json, (context) => modelAccept(id, options, context)),
  )
}
