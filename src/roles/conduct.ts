import type { ConductRule } from '../net/index.ts'

/** What the roles hold against a peer, in points (conduct decays; -50 disconnects, -100 bans: net/constants). */
export const ROLE_CONDUCT: Readonly<Record<string, ConductRule>> = {
  'bad-frame': { weight: 20 },
  'bad-signature': { weight: 20 },
  'bad-grant': { weight: 20 },
  'bad-evidence': { weight: 20 },
  'answer-invalid': { weight: 30 },
  rejected: { weight: 30 },
  equivocation: { weight: 100 },
  'bad-checkpoint': { weight: 20 },
  'bad-vote': { weight: 20 },
  'bad-voucher': { weight: 20 },
  'bad-certificate': { weight: 20 },
  'bad-batch': { weight: 20 },
  'bad-records': { weight: 20 },
  'too-many-requests': { weight: 5 },
}
