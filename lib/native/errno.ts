/**
 * Errors of the shim as names and words; steps as what was being done.
 *
 * Systems give one error different numbers. The shim hands out those of the system it runs on (on Windows, Linux' numbers).
 */

import { BlitError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import type { EngineError } from "./engine.ts";

/** Those that copying files meets. */
const words: Readonly<Record<string, string>> = {
  EPERM: "operation not permitted",
  ENOENT: "no such file or directory (it vanished during the run)",
  EINTR: "interrupted by a signal",
  EIO: "input/output error",
  ENXIO: "no such device or address",
  EAGAIN: "resource temporarily unavailable",
  ENOMEM: "out of memory",
  EACCES: "permission denied",
  EBUSY: "device or resource busy",
  EEXIST: "file exists",
  EXDEV: "the two places are on different file systems",
  ENOTDIR: "not a directory",
  EISDIR: "is a directory",
  EINVAL: "invalid argument (the file system does not accept this name or operation)",
  ENFILE: "too many open files in the system",
  EMFILE: "too many open files",
  ETXTBSY: "text file busy",
  EFBIG: "file too large for the file system",
  ENOSPC: "no space left on device",
  EROFS: "read-only file system",
  EMLINK: "too many links",
  ENAMETOOLONG: "file name too long",
  ENOSYS: "function not implemented",
  ENOTEMPTY: "directory not empty",
  ELOOP: "a symbolic link stands where a directory is expected",
  ENODATA: "no data available",
  ENOATTR: "no such extended attribute",
  EBADMSG: "corrupted data",
  EOVERFLOW: "value too large",
  EILSEQ: "the file system does not accept this name",
  E2BIG: "too large for the file system",
  ERANGE: "too large for the file system",
  EOPNOTSUPP: "operation not supported",
  ENOTSUP: "operation not supported",
  EADDRINUSE: "the address is in use",
  EADDRNOTAVAIL: "the address is none of this machine's",
  EPIPE: "the other side closed it",
  EPROTO: "the other side sent what makes no sense",
  ECONNRESET: "the other side closed it",
  ESHUTDOWN: "the other side closed it",
  ENOTCONN: "transport endpoint is not connected",
  ETIMEDOUT: "timed out",
  EHOSTDOWN: "host is down",
  ESTALE: "stale file handle",
  EUCLEAN: "structure needs cleaning",
  EREMOTEIO: "remote input/output error",
  EDQUOT: "disk quota exceeded",
};

type Numbers = Readonly<Record<number, string>>;

const everywhere: Numbers = {
  1: "EPERM",
  2: "ENOENT",
  4: "EINTR",
  5: "EIO",
  6: "ENXIO",
  7: "E2BIG",
  12: "ENOMEM",
  13: "EACCES",
  16: "EBUSY",
  17: "EEXIST",
  18: "EXDEV",
  20: "ENOTDIR",
  21: "EISDIR",
  22: "EINVAL",
  23: "ENFILE",
  24: "EMFILE",
  26: "ETXTBSY",
  27: "EFBIG",
  28: "ENOSPC",
  30: "EROFS",
  31: "EMLINK",
  32: "EPIPE",
  34: "ERANGE",
};

/** asm-generic/errno.h */
const linux: Numbers = {
  ...everywhere,
  11: "EAGAIN",
  36: "ENAMETOOLONG",
  38: "ENOSYS",
  39: "ENOTEMPTY",
  40: "ELOOP",
  61: "ENODATA",
  71: "EPROTO",
  74: "EBADMSG",
  75: "EOVERFLOW",
  84: "EILSEQ",
  95: "EOPNOTSUPP",
  98: "EADDRINUSE",
  99: "EADDRNOTAVAIL",
  104: "ECONNRESET",
  107: "ENOTCONN",
  108: "ESHUTDOWN",
  110: "ETIMEDOUT",
  112: "EHOSTDOWN",
  116: "ESTALE",
  117: "EUCLEAN",
  121: "EREMOTEIO",
  122: "EDQUOT",
};

/** sys/errno.h of macOS */
const darwin: Numbers = {
  ...everywhere,
  35: "EAGAIN",
  45: "ENOTSUP",
  48: "EADDRINUSE",
  49: "EADDRNOTAVAIL",
  54: "ECONNRESET",
  57: "ENOTCONN",
  58: "ESHUTDOWN",
  60: "ETIMEDOUT",
  62: "ELOOP",
  63: "ENAMETOOLONG",
  64: "EHOSTDOWN",
  66: "ENOTEMPTY",
  69: "EDQUOT",
  70: "ESTALE",
  78: "ENOSYS",
  84: "EOVERFLOW",
  92: "EILSEQ",
  93: "ENOATTR",
  94: "EBADMSG",
  96: "ENODATA",
  100: "EPROTO",
  102: "EOPNOTSUPP",
};

/** native/blit.h, BLIT_E_*: the same on every system. */
const own: Readonly<Record<number, readonly [code: string, words: string, action?: string]>> = {
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
  4008: ["protocol", "what the other machine sent makes no sense"],
  4009: ["mount_point", "a file system is mounted there", "delete"],
  4010: [
    "folded",
    "an entry of this run, or one that was there before, has this name already; the file system does not tell them apart",
  ],
  4011: [
    "destination_gone",
    "the copy is not at its place any more: it was moved away or removed, or its directory was unmounted or replaced",
  ],
  4012: ["same_file", "it leads to what stands there and would be left leading to itself"],
  4013: ["full", "no space left on device"],
  4014: ["quota", "disk quota exceeded"],
  4015: ["endless", "its size says nothing, and there is too much of it to be read without one"],
  4017: ["in_use", "another run of blit writes this file or moves it away; run again when that has ended"],
  4016: ["kept_name", "blit keeps such names for its temporary files", "copy"],
};

const changedWhileMoved: readonly [code: string, words: string, action?: string] = [
  "changed",
  "it changed during the move; run again",
];

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

export const EIO = 5;
const CHANGED = 4001;
/** What the source held at first is in place. */
export const GREW = 4004;
/** The destination's path does not lead to its root any more. */
export const GONE = 4011;
const STEP_ATTRIBUTES = 9;
const STEP_SYMLINK = 19;
const STEP_NODE = 20;
const STEP_OPEN_SOURCE = 1;
export const STEP_REMOVE_SOURCE = 11;
const STEP_READ = 2;
export const STEP_LIST_SOURCE = 16;
const STEP_LIST_DESTINATION = 17;
const STEP_MAKE_DIRECTORY = 18;
/** What the other machine sent makes no sense. */
const PROTOCOL = 4008;

/** Which side it was when a directory could not be listed; the source's where the shim does not say. */
export function listingSide(step: number): "source" | "destination" {
  return step === STEP_LIST_DESTINATION || step === STEP_MAKE_DIRECTORY ? "destination" : "source";
}

/** Says what failed and why. `step` is 0 where the shim does not know it; `os` is where the number was given. */
export function engineError(errno: number, step: number, os: string = Deno.build.os): EngineError {
  const code = (os === "darwin" ? darwin : linux)[errno];
  if (code !== undefined) return namedError(code, step)!;
  const [ownCode, state, action] = errno === CHANGED && step === STEP_REMOVE_SOURCE
    ? changedWhileMoved
    : own[errno] ?? [`E${errno}`, `error ${errno}`];
  const error = { code: ownCode, message: sentence(step, state, action) };
  return readsSource(step) && (own[errno] === undefined || errno === PROTOCOL) ? { ...error, unread: true } : error;
}

/** The state alone, as "permission denied", of something that no run has seen before. */
export function stateOf(errno: number): string {
  return withoutAction(engineError(errno, 0));
}

/** A root of an engine that cannot be opened: 0 the source, 1 the destination, 2 the backup directory. */
export function rootError(side: number, path: string, error: EngineError): BlitError {
  const what = ["source", "destination", "backup directory"][side];
  return new BlitError("failed", `Cannot open the ${what} "${printablePath(path)}": ${withoutAction(error)}`);
}

function withoutAction({ message }: EngineError): string {
  return message.replace(/^[^:]*: /, "").replace(" (it vanished during the run)", "");
}

/** The same for an attribute of an entry that could not be copied. */
export function attributeError(errno: number, attribute: string, os: string = Deno.build.os): EngineError {
  const { code, message } = engineError(errno, STEP_ATTRIBUTES, os);
  const what = attribute.startsWith("system.posix_acl_") ? "access control list" : `extended attribute "${attribute}"`;
  return { code, message: message.replace("extended attributes", () => what) };
}

/** The same for an error whose name is known ("ENOENT"); undefined for one that there are no words for. */
export function namedError(code: string, step: number): EngineError | undefined {
  if (!Object.hasOwn(words, code)) return undefined;
  const special = step === STEP_SYMLINK || step === STEP_NODE;
  const unsupported = special && ["EPERM", "EOPNOTSUPP", "ENOTSUP"].includes(code);
  const error = { code: unsupported ? "unsupported" : code, message: sentence(step, words[code]) };
  // A name that is gone again is no part of the source that was missed.
  return readsSource(step) && code !== "ENOENT" ? { ...error, unread: true } : error;
}

/** The system's number of an error that is known by name. */
export function errnoOf(code: string | undefined, os: string = Deno.build.os): number | undefined {
  const found = Object.entries(os === "darwin" ? darwin : linux).find(([, name]) => name === code);
  return found && Number(found[0]);
}

/** Whether a directory could not be removed since something is in it. */
export function isNotEmpty(errno: number): boolean {
  return ["ENOTEMPTY", "EEXIST"].includes(engineError(errno, 0).code);
}

function readsSource(step: number): boolean {
  return step === STEP_OPEN_SOURCE || step === STEP_READ || step === STEP_LIST_SOURCE;
}

function sentence(step: number, state: string, action = actions[step] ?? "go on"): string {
  return `Cannot ${action}: ${state}`;
}
