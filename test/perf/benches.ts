import type { Bench } from './bench.ts'
import { attest } from './benches/attest.ts'
import { contractsGas } from './benches/contractsGas.ts'
import { loopLag } from './benches/loopLag.ts'
import { overhead } from './benches/overhead.ts'
import { paidThroughput } from './benches/paidThroughput.ts'
import { quorum } from './benches/quorum.ts'
import { throughput } from './benches/throughput.ts'
import { voucher } from './benches/voucher.ts'

/** Every bench there is. */
export const BENCHES: readonly Bench[] = [
  overhead,
  throughput,
  loopLag,
  quorum,
  contractsGas,
  attest,
  voucher,
  paidThroughput,
]
