/** Default ports (docs/architecture.md). */
export const LIBP2P_PORT = 4801
export const GATEWAY_PORT = 8801
export const METRICS_PORT = 9801
export const FACILITATOR_PORT = 8802

/** `config.json`, bytes: a few dozen fields. */
export const MAX_CONFIG_BYTES = 256 * 1024

/** Models of one node; each is loaded into every worker. */
export const MAX_MODELS = 64

/** An answer of the control socket, bytes: thousands of offers. */
export const MAX_CONTROL_BYTES = 64 * 1024 * 1024

/** Longest path of a Unix socket that every system takes, bytes (sun_path, terminator included, on BSD). */
export const MAX_SOCKET_PATH_BYTES = 103

/** A stopping node lets running jobs end for this long, ms; the roles' own limits are shorter. */
export const STOP_TIMEOUT_MS = 20_000

/** A control request to the node on this machine, ms. */
export const CONTROL_TIMEOUT_MS = 10_000

/** Helper for the Nitro security module, looked up in PATH. */
export const NSM_HELPER = 'nsm-cli'

/** Reading, or asking whether a program is here, ms: the doctor asks a dozen such questions. */
export const PROBE_TIMEOUT_MS = 5_000
