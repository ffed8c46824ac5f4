/** What the commands that ask a daemon have in common: the operand, the connection, and how entries and failures are shown. */

import { type Client, createClient } from "@connectrpc/connect";
import type { Typed } from "../args/parse.ts";
import { patienceOf } from "../args/resolve.ts";
import { ExitCode, usageError } from "../base/errors.ts";
import { pathFromBytes, pathToBytes, printablePath } from "../base/path_bytes.ts";
import { daemonError, openControlChannel } from "../carrier/control.ts";
import {
  ambiguityWarning,
  type DaemonAddress,
  formatRemote,
  parseRemote,
  type RemoteEndpoint,
} from "../endpoint/remote.ts";
import { AdminService } from "../wire/gen/blit/v1/admin_pb.ts";
import type { Failure } from "../wire/gen/blit/v1/entry_pb.ts";
import { pathFacts } from "../native/paths.ts";
import type { CommandContext } from "./context.ts";

export type AdminClient = Client<typeof AdminService>;

/** Rejects with a BlitError whatever goes wrong between here and the daemon, a silence longer than --stall-timeout included. */
export async function askDaemon<T>(
  daemon: DaemonAddress,
  typed: Typed,
  ask: (client: AdminClient) => Promise<T>,
): Promise<T> {
  using channel = openControlChannel(daemon, patienceOf(typed));
  try {
    return await ask(createClient(AdminService, channel.transport));
  } catch (error) {
    throw daemonError(daemon, error);
  }
}

/** A remote place with a module. Raises a usage error for a local path; warns where the name is also a local one. */
export function remotePlace(context: CommandContext, argument: string): RemoteEndpoint {
  const place = parseRemote(argument);
  if (place === undefined || place.module === "") {
    const what = place === undefined ? "a path of this machine" : "no module";
    throw usageError(`Cannot use "${printablePath(argument)}": it names ${what}`, "Write host:/module/path.");
  }
  const warning = ambiguityWarning(argument, pathFacts(argument, false) !== undefined);
  if (warning !== undefined) context.stderr.write(`blit: ${warning}\n`);
  return place;
}

/** The fields of a request on a path. */
export function pathRequest({ module, path }: RemoteEndpoint) {
  return { module, path: pathToBytes(path) };
}

/** "host:/module/path/below" */
export function shownBelow(place: RemoteEndpoint, below: Uint8Array): string {
  const path = [place.path, pathFromBytes(below)].filter((part) => part !== "").join("/");
  return printablePath(formatRemote({ ...place, path, contents: false }));
}

/** Failures as lines on standard error; remembers them for JSON and the exit code. */
export class FailureList {
  readonly records: { path: string; code: string; message: string }[] = [];

  constructor(private readonly context: CommandContext, private readonly place: RemoteEndpoint) {}

  add(failures: readonly Failure[]): void {
    for (const { path, code, message } of failures) {
      this.context.stderr.write(`blit: ${shownBelow(this.place, path)}: ${printablePath(message)}\n`);
      this.records.push({ path: pathFromBytes(path), code, message });
    }
  }

  get exitCode(): ExitCode {
    return this.records.length === 0 ? ExitCode.Ok : ExitCode.Partial;
  }
}
