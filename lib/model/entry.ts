/** Numbers that describe entries, the same in the shim, in batches and on the wire (native/blit.h). */

/** Kinds of entries; None where nothing stands. */
export const Kind = {
  None: 0,
  File: 1,
  Symlink: 2,
  Fifo: 3,
  Socket: 4,
  CharDevice: 5,
  BlockDevice: 6,
  Directory: 7,
} as const;

/** How an entry that both sides have differs, as bits. */
export const Diff = {
  Size: 1,
  Mtime: 2,
  Mode: 4,
  Owner: 8,
  Xattr: 16,
  /** Symlink target or device number. */
  Target: 32,
  /** The source's file has more than one name. */
  Linked: 64,
  Kind: 128,
  /** The entry could not be looked at; the batch's `error(index)` says why. */
  Error: 256,
  /** The destination's file has more than one name, the source's has not; the batch's `inode(index)` is the destination's. */
  DestinationLinked: 512,
  /** A single entry: the destination's directory lists what stands there under another name. */
  Folded: 1024,
  /** The times differ, but the destination cannot hold the source's: they say nothing of the content. */
  Untold: 2048,
} as const;
