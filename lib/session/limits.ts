/** How much may be under way at once. These bound the memory of a run: it depends on them, not on the number of files. */

/** Entries handed to workers and not finished: the scan pauses above it. About 0.1 s of work for small files. */
export const ENTRIES_IN_FLIGHT = 16_384;

/** Listings under way. Enough that no worker waits for TypeScript to wake up, few enough to hold their batches in memory. */
export const LISTINGS_IN_FLIGHT = 64;

/** Names of files with several names that wait for one whose file the destination has. More of them cost memory and delay the copying. */
export const UNDECIDED_LINKS = 8192;
