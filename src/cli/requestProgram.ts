import { type Command, Option } from 'commander'
import { type Digest, PRIVACY, TIER } from '../protocol/index.ts'
import { type InferOptions, infer } from './commands/infer.ts'
import { jobList, jobRetry } from './commands/job.ts'
import { offers } from './commands/offers.ts'
import { type QuoteOptions, quote } from './commands/quote.ts'
import { CliError } from './errors.ts'
import { addresses, digest, example, positive, wei, withHome, withJson } from './options.ts'
import type { RunCommand } from './program.ts'

const MODEL = 'model id, CID, unique prefix, or manifest name'
const INPUT = 'input tensors: .json, .npy or .csv'

/** Commands of a requester. */
export function addRequests(program: Command, run: RunCommand): void {
  const offersCommand = program
    .command('offers')
    .description('what is on sale now, with the assurance of each provider as checked here')
    .option('--wait <seconds>', 'how long to wait for offers', positive, 5)
  example(withHome(withJson(offersCommand)), 'opg offers --json').action((options) =>
    run(options.json, (context) => offers(options, context)),
  )
  const inferCommand = withTerms(
    program
      .command('infer')
      .description('ask a model: by id, unique beginning of an id, or name')
      .argument('<model>', MODEL)
      .requiredOption('--input <file>', INPUT),
  )
    .option('--max-units <count>', 'the most output units; the rows of the input when left out', positive)
    .option('--timeout <seconds>', 'give up after', positive, 30)
    .option('--receipt <file>', 'also write the receipt file here')
    .option('--anchored', 'wait for the batch and add its proof to the receipt file', false)
  example(withHome(withJson(inferCommand)), 'opg infer volatility --input candles.csv --mode quorum --json').action(
    (model: string, options: InferOptions & { json: boolean }) =>
      run(options.json, (context) => infer(model, options, context)),
  )
  const quoteCommand = withTerms(
    program
      .command('quote')
      .description('what a job would cost at each offer that fits, and out of what; signs and sends nothing')
      .argument('[model]', MODEL)
      .option('--model <model>', 'the same')
      .addOption(new Option('--units <count>', 'output units; 1 when left out').argParser(positive).conflicts('input'))
      .option('--input <file>', `${INPUT}; its rows are the units`),
  ).option('--check', 'end with 6 where the wallet would pay for none of the offers', false)
  example(withHome(withJson(quoteCommand)), 'opg quote volatility --units 64 --json').action(
    (argument: string | undefined, options: QuoteOptions & { json: boolean; model?: string }) =>
      run(options.json, (context) => {
        const model = argument ?? options.model
        if (model !== undefined) return quote(model, options, context)
        throw new CliError({ code: 'usage', message: 'expected a model', hint: 'opg quote --help' })
      }),
  )
}

/** Sub-commands of what this home asked and paid for. */
export function addJobs(program: Command, run: RunCommand): void {
  const job = program.command('job').description('paid jobs of this home')
  const list = job
    .command('list')
    .description('what became of the last ones, by the books of the wallet, newest first')
    .option('--last <count>', 'how many', positive, 20)
  example(withHome(withJson(list)), 'opg job list --last 5').action((options) =>
    run(options.json, (context) => jobList(options, context)),
  )
  const retry = job
    .command('retry')
    .description('ask for a job again: its provider gives what it stored, and charges once')
    .argument('<jobId>', 'as opg job list shows it', digest)
  example(withHome(withJson(retry)), 'opg job retry 0x…').action((jobId: Digest, options) =>
    run(options.json, (context) => jobRetry(jobId, options, context)),
  )
}

/** What must hold of an offer. */
const withTerms = (command: Command): Command =>
  command
    .option('--input-name <name>', 'which input an .npy or .csv file fills, where the model has several')
    .addOption(
      new Option('--mode <mode>', 'what must hold before the answer is handed on')
        .choices(['local', 'buffered', 'quorum'])
        .default('quorum'),
    )
    .addOption(new Option('--tier <tier>', 'what backs the answer').choices(Object.keys(TIER)).default('tee+replay'))
    .addOption(
      new Option('--privacy <privacy>', 'who may see input and output').choices(Object.keys(PRIVACY)).default('open'),
    )
    .option('--max-fee <wei>', 'the most the job may cost', wei)
    .option('--only <address...>', 'these providers only', addresses)
