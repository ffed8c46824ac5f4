/**
 * The version of what is spoken between machines. `major` is that of the package in proto/ (blit.v1): another one cannot be understood.
 * `minor` grows when something is added; a side that does not know the addition ignores it.
 */
export const protocolVersion = { major: 1, minor: 1 } as const;

/** What this side can do beyond the first version of the protocol; a side names those without which it cannot go on. */
export const featuresHere: readonly string[] = ["lanes", "inline", "fetch", "one-file-system"];

/** Since this minor version a side that lives sends something every few seconds. */
export const KEEP_ALIVE_MINOR = 1;
