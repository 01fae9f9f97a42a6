import { type Digest, type Domain, defineStruct, digestOf, type StructValue } from '../protocol/index.ts'

/** An operator's consent to be staked for by `owner` (R1); `deadline` in seconds since 1970. */
export const REGISTRATION = defineStruct('Registration', {
  operator: 'address',
  owner: 'address',
  payout: 'address',
  deadline: 'uint256',
})
export type Registration = StructValue<typeof REGISTRATION>

/** What the operator signs for `StakeManager.register`. */
export const registrationDigest = (domain: Domain, registration: Registration): Digest =>
  digestOf(domain, REGISTRATION, registration)

/** A new key's consent to take the place of `from`, which stays liable (R1); `deadline` in seconds since 1970. */
export const ROTATION = defineStruct('Rotation', {
  from: 'address',
  to: 'address',
  owner: 'address',
  deadline: 'uint256',
})
export type Rotation = StructValue<typeof ROTATION>

/** What the new key signs for `StakeManager.rotate`. */
export const rotationDigest = (domain: Domain, rotation: Rotation): Digest => digestOf(domain, ROTATION, rotation)
