/** Error numbers of the shim as names and words; steps as what was being done. */

import type { EngineError } from "./engine.ts";

/** Linux numbers (asm-generic/errno.h); those that copying files meets. */
const names: Readonly<Record<number, readonly [name: string, words: string]>> = {
  1: ["EPERM", "operation not permitted"],
  2: ["ENOENT", "no such file or directory (it vanished during the run)"],
  4: ["EINTR", "interrupted by a signal"],
  5: ["EIO", "input/output error"],
  6: ["ENXIO", "no such device or address"],
  11: ["EAGAIN", "resource temporarily unavailable"],
  12: ["ENOMEM", "out of memory"],
  13: ["EACCES", "permission denied"],
  16: ["EBUSY", "device or resource busy"],
  17: ["EEXIST", "file exists"],
  18: ["EXDEV", "the two places are on different file systems"],
  20: ["ENOTDIR", "not a directory"],
  21: ["EISDIR", "is a directory"],
  22: ["EINVAL", "invalid argument (the file system does not accept this name or operation)"],
  23: ["ENFILE", "too many open files in the system"],
  24: ["EMFILE", "too many open files"],
  26: ["ETXTBSY", "text file busy"],
  27: ["EFBIG", "file too large for the file system"],
  28: ["ENOSPC", "no space left on device"],
  30: ["EROFS", "read-only file system"],
  31: ["EMLINK", "too many links"],
  36: ["ENAMETOOLONG", "file name too long"],
  38: ["ENOSYS", "function not implemented"],
  39: ["ENOTEMPTY", "directory not empty"],
  40: ["ELOOP", "a symbolic link stands where a directory is expected"],
  61: ["ENODATA", "no data available"],
  74: ["EBADMSG", "corrupted data"],
  75: ["EOVERFLOW", "value too large"],
  84: ["EILSEQ", "the file system does not accept this name"],
  95: ["EOPNOTSUPP", "operation not supported"],
  107: ["ENOTCONN", "transport endpoint is not connected"],
  110: ["ETIMEDOUT", "timed out"],
  112: ["EHOSTDOWN", "host is down"],
  116: ["ESTALE", "stale file handle"],
  117: ["EUCLEAN", "structure needs cleaning"],
  121: ["EREMOTEIO", "remote input/output error"],
  122: ["EDQUOT", "disk quota exceeded"],
  4001: ["changed", "the source changed while it was being copied, twice; run again"],
  4002: ["verify_mismatch", "what was read back differs from what was written"],
  4003: ["inside", "this directory is the root of the other side"],
  4004: [
    "changed",
    "the source grew while it was being copied; what it held at first was copied, run again for the rest",
  ],
  4005: ["interrupted", "interrupted"],
  4006: ["kind_conflict", "a directory stands in the way"],
  4007: ["backup", "this directory is the backup directory"],
};

/** native/blit.h, enum blit_step. */
const actions: Readonly<Record<number, string>> = {
  1: "open the source",
  2: "read",
  3: "create",
  4: "write",
  5: "put in place",
  6: "set the mode",
  7: "set the owner",
  8: "set the times",
  9: "copy the extended attributes",
  10: "flush to disk",
  11: "remove the source",
  12: "make the hard link",
  13: "delete",
  14: "keep a backup",
  15: "verify",
  16: "read the source",
  17: "read the destination directory",
  18: "create the directory",
  19: "create the symbolic link",
  20: "create the special file",
};

const STEP_SYMLINK = 19;
const STEP_NODE = 20;
const EPERM = 1;
const EOPNOTSUPP = 95;
export const STEP_LIST_SOURCE = 16;

/** Says what failed and why. `step` is 0 where the shim does not know it. */
export function engineError(errno: number, step: number): EngineError {
  const [code, words] = names[errno] ?? [`E${errno}`, `error ${errno}`];
  const unsupported = (step === STEP_SYMLINK || step === STEP_NODE) && (errno === EPERM || errno === EOPNOTSUPP);
  return { code: unsupported ? "unsupported" : code, message: `Cannot ${actions[step] ?? "go on"}: ${words}` };
}
