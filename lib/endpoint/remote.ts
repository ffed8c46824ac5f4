/**
 * What a path argument means when it names a place on another machine.
 *
 *     host:/module/path    host:port:/module/path    [v6]:port:/module/path    blit://host:port/module/path
 *
 * A colon before the first slash names another machine, as it does for rsync, whether or not an entry of that name is here. What has
 * one and is not written as above ("nas:", "user@nas:/m/x", "s3://b/x") is refused: it was hardly meant as a local name, and a mirror
 * onto it would make a directory of that name. "./a:b" and "/a:b" are local, and so is a drive on Windows ("C:\\data"). Pure; paths
 * are PEP 383 strings, nothing in them is decoded.
 */

import { type BlitError, usageError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import { namesMachine } from "../base/path_parts.ts";

export const DEFAULT_PORT = 9031;

export interface DaemonAddress {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface RemoteEndpoint extends DaemonAddress {
  /** "" where none was named ("host:/"). */
  readonly module: string;
  /** Relative to the module, without ".", empty parts or slashes at its ends; "" is the module itself. */
  readonly path: string;
  /** Ended in a slash: the contents of the directory are meant, as for local paths. */
  readonly contents: boolean;
}

const name = "[A-Za-z0-9_][A-Za-z0-9._-]*";
const v6 = "[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._-]+)?";
/** Not "//" behind the colon: that is another program's URL. */
const short = new RegExp(`^(?:(${name})|\\[(${v6})\\])(?::([0-9]+))?:(/(?!/).*)$`, "s");
const url = new RegExp(`^blit://(?:(${name})|\\[(${v6})\\])(?::([0-9]+))?(/.*|)$`, "s");
const hostOnly = new RegExp(`^(?:(${name})|\\[(${v6})\\])(?::([0-9]+))?$`);

/**
 * The remote place that the argument names, or undefined for a local path. Raises a usage error for what can only be meant as remote
 * but is wrong: another program's way to write it, a port that is none, "..", a blit:// without host.
 */
export function parseRemote(argument: string, os: typeof Deno.build.os = Deno.build.os): RemoteEndpoint | undefined {
  if (!namesMachine(argument, os)) return undefined;
  const isUrl = argument.startsWith("blit://");
  const match = (isUrl ? url : short).exec(argument);
  if (match === null) throw isUrl ? malformedUrl(argument) : foreignForm(argument);
  const [, host, address, port, path] = match;
  return { host: host ?? address, port: parsePort(port, argument), ...splitPath(path, argument) };
}

function malformedUrl(argument: string): BlitError {
  return usageError(`Cannot use "${printablePath(argument)}": it is not of the form blit://host:port/module/path`);
}

/** How other programs name a place on another machine. The hint says how blit does, as closely as it can be told. */
function foreignForm(argument: string): BlitError {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(argument)?.[1];
  const user = new RegExp(`^[^/:]+@(${name}):`).exec(argument)?.[1];
  const host = user ?? new RegExp(`^(${name}(?::[0-9]+)?)(?::|$)`).exec(argument)?.[1];
  const why = scheme !== undefined
    ? `blit does not speak "${scheme}"`
    : user !== undefined
    ? "a daemon has no users"
    : "a colon before the first slash names another machine, and a module must follow";
  const place = scheme !== undefined || host === undefined ? "host:/module/path" : `${host}:/module/path`;
  const here = scheme === "file" ? argument.slice("file://".length) : `./${argument}`;
  return usageError(
    `Cannot use "${printablePath(argument)}": ${why}`,
    `Write ${place}, or "${printablePath(here)}" for the local name.`,
  );
}

/** A word that is still being typed, cut where the path begins; undefined for what is not remote. Raises what parseRemote raises. */
export function splitRemote(word: string): { daemon: DaemonAddress; before: string; path: string } | undefined {
  const remote = parseRemote(word);
  const path = (word.startsWith("blit://") ? url : short).exec(word)?.[4];
  if (remote === undefined || !path) return undefined;
  const { host, port } = remote;
  return { daemon: { host, port }, before: word.slice(0, word.length - path.length), path };
}

/** A daemon as `blit modules` takes it: host, host:port, [v6]:port, a bare IPv6 address, or anything parseRemote takes. */
export function parseDaemon(argument: string): DaemonAddress {
  const bare = new RegExp(`^${v6}$`).test(argument) && argument.split(":").length > 2;
  if (bare) return { host: argument, port: DEFAULT_PORT };
  const match = hostOnly.exec(argument.replace(/(?<=[^:/]):$/, ""));
  if (match !== null) return { host: match[1] ?? match[2], port: parsePort(match[3], argument) };
  const remote = short.test(argument) || argument.startsWith("blit://") ? parseRemote(argument, "linux") : undefined;
  if (remote !== undefined) return { host: remote.host, port: remote.port };
  throw usageError(`Cannot use "${printablePath(argument)}" as a host`, "Write host, host:port or [v6]:port.");
}

/** "host:/module/path", with the port where it is not the default one; parseRemote gives the endpoint back. */
export function formatRemote(endpoint: RemoteEndpoint): string {
  const { module, path, contents } = endpoint;
  const parts = [module, path].filter((part) => part !== "").join("/");
  return `${formatDaemon(endpoint)}:/${parts}${contents && parts !== "" ? "/" : ""}`;
}

/** "host", "host:9032", "[::1]", "[::1]:9032" */
export function formatDaemon({ host, port }: DaemonAddress): string {
  const shown = host.includes(":") ? `[${host}]` : host;
  return port === DEFAULT_PORT ? shown : `${shown}:${port}`;
}

/**
 * What to warn of where the argument is a remote place and a local entry of exactly that name exists; undefined when there is nothing.
 */
export function ambiguityWarning(argument: string, existsLocally: boolean): string | undefined {
  if (!existsLocally || argument.startsWith("blit://") || parseRemote(argument) === undefined) return undefined;
  const shown = printablePath(argument);
  return `"${shown}" is taken as a place on another machine; for the local entry of that name write "./${shown}"`;
}

function parsePort(digits: string | undefined, argument: string): number {
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  if (port >= 1 && port <= 65535) return port;
  throw usageError(`Cannot use "${printablePath(argument)}": a port is a number from 1 to 65535`);
}

function splitPath(path: string, argument: string): Pick<RemoteEndpoint, "module" | "path" | "contents"> {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) {
    throw usageError(`Cannot use "${printablePath(argument)}": ".." is not allowed in a remote path`);
  }
  const [module = "", ...rest] = parts;
  return { module, path: rest.join("/"), contents: module !== "" && /\/\.?$/.test(path) };
}
