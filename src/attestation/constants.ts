/** Bytes of a Nitro document: those seen are below 4.8 kB, the security module answers with at most 12 kB. */
export const MAX_NITRO_BYTES = 12_288
/** Bytes of one certificate in a Nitro document (AWS attestation format: 1 to 1024). */
export const MAX_NITRO_CERTIFICATE_BYTES = 1_024
/** CA certificates in a Nitro document: AWS sends 4; each costs a signature check. */
export const MAX_NITRO_CA_CERTIFICATES = 8
/** Bytes of `public_key`, `user_data` and `nonce` each (AWS attestation format: 0 to 1024). */
export const MAX_NITRO_FIELD_BYTES = 1_024
/** Platform configuration registers are numbered below this (AWS attestation format). */
export const NITRO_PCR_COUNT = 32
/** Bytes of a register under SHA-384. */
export const NITRO_PCR_BYTES = 48
/** Characters of `module_id`: an instance id and an enclave id, 40 as seen. */
export const MAX_NITRO_MODULE_ID = 128

/** Last millisecond since 1970 that a date can hold (ECMA-262, 21.4.1.1). */
export const MAX_TIME_MS = 8.64e15
/** Milliseconds an evidence may be old (section 9, "evidence age"). */
export const MAX_EVIDENCE_AGE_MS = 3_600_000
/** Milliseconds a signed time may lie ahead of ours (section 2, "Encoding"). */
export const MAX_AHEAD_MS = 2_000

/** Bytes of an input before sealing: WebCrypto encrypts it in one piece, so it is held in memory twice. */
export const MAX_SEALED_PLAINTEXT_BYTES = 16 * 1_048_576
/** Bytes of context bound to a sealed input: a digest or two and an address. */
export const MAX_AAD_BYTES = 1_024
/** Bytes of an answer's chunk before sealing (section 2, "Chunk": 64 kB of data, its salt and token ids). */
export const MAX_CHUNK_PLAINTEXT_BYTES = 128 * 1_024
/** Highest index of a sealed chunk: `Chunk.index` is a uint32. */
export const MAX_CHUNK_INDEX = 0xffff_ffff

/** Milliseconds a simulated leaf lives: as long as a Nitro leaf. */
export const SIMULATED_LEAF_MS = 3 * 3_600_000
/** Milliseconds before its end at which a simulated leaf is replaced. */
export const SIMULATED_LEAF_MARGIN_MS = 5 * 60_000
/** Milliseconds each simulated CA lives, regional, zonal and instance, as the real ones do. */
export const SIMULATED_CA_MS = [20 * 86_400_000, 6 * 86_400_000, 86_400_000] as const
/** Milliseconds a simulated root lives: ten years, longer than any devnet. */
export const SIMULATED_ROOT_MS = 10 * 365 * 86_400_000
/** Milliseconds a simulated root starts before its making, so that peers with slower clocks accept it. */
export const SIMULATED_ROOT_LEAD_MS = 86_400_000

/** Bytes of a collateral bundle: Intel's is 20 kB, two reference manifests of NVIDIA 200 kB. */
export const MAX_COLLATERAL_BYTES = 1_048_576
/** Bytes of a policy document: 512 programs of four registers each. */
export const MAX_POLICY_BYTES = 262_144
/** Programs, revoked chips and certificates of a policy together: each program is one question to the chain. */
export const MAX_POLICY_ENTRIES = 1_024
/** Verdicts kept: two of each grant of a day of some hundred operators. */
export const MAX_CACHED_VERDICTS = 1_024
/** Items of a bundle: as many as there are names. */
export const MAX_COLLATERAL_ITEMS = 16

/** Bytes of an Intel quote: 5 kB with its certificates, and 8,000 where quoting services pad. */
export const MAX_QUOTE_BYTES = 16_384
/** Bytes of one of Intel's signed JSON responses: TCB info is below 10 kB as published. */
export const MAX_INTEL_JSON_BYTES = 65_536
/** Characters of one token of a cloud's verifier: Google's with its certificates are 12 kB, Microsoft's 8 kB. */
export const MAX_TOKEN_BYTES = 65_536
/** Bytes of NVIDIA's detached bundle: 3.6 kB for one device. */
export const MAX_NRAS_BYTES = 262_144
/** Devices in NVIDIA's detached bundle, each a signature check: a board has 8 GPUs and 6 switches. */
export const MAX_NRAS_DEVICES = 32
/** Bytes of a key set, and keys in it: NVIDIA publishes a dozen keys with their certificates. */
export const MAX_JWKS_BYTES = 524_288
export const MAX_JWKS_KEYS = 64

/** Bytes of an Azure confidential VM's evidence: 37 kB where bytes are arrays of numbers. */
export const MAX_AZURE_BYTES = 131_072
/** Bytes of dstack's answer: 18 kB as seen, with the log of a few dozen events. */
export const MAX_DSTACK_BYTES = 262_144
/** Bytes of a firmware event log: the table's area, 256 kB on Google's machines. */
export const MAX_CCEL_BYTES = 1_048_576
/** Milliseconds simulated lists and TCB statements of Intel's kind hold, as the real ones do: 30 days. */
export const SIMULATED_LIST_MS = 30 * 86_400_000
