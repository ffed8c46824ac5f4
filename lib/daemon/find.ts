/** AdminService.Find. */

import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { pathFromBytes, pathToBytes } from "../base/path_bytes.ts";
import { type Listed, lookBeneath } from "../native/beneath.ts";
import { Kind } from "../model/entry.ts";
import { type FindRequest, type FindResponse, FindResponseSchema } from "../wire/gen/blit/v1/admin_pb.ts";
import type { Entry } from "../wire/gen/blit/v1/entry_pb.ts";
import { entryMessage, failureMessage, MessageParts } from "./entries.ts";
import { compileNamePattern } from "./name_pattern.ts";
import { enterPlace, joinPath } from "./place.ts";
import { checkText } from "./remote_path.ts";
import type { DaemonState } from "./state.ts";
import { asStatus } from "./status.ts";
import { TreeWalk } from "./walk.ts";

const patternsMax = 64;
const patternBytesMax = 1024;

export async function* find(
  daemon: DaemonState,
  request: FindRequest,
  context: HandlerContext,
): AsyncGenerator<FindResponse> {
  const matches = compileCriteria(request);
  using place = enterPlace(daemon.modules, context, request, "read");
  const parts = new MessageParts<Entry>(daemon.config.limits.entriesPerMessage);
  const message = () => {
    const { items, failures } = parts.take();
    return create(FindResponseSchema, { entries: items, failures });
  };
  const depthMax = request.depthMax ?? Infinity;
  let itself: Listed;
  try {
    itself = await lookBeneath(place.root, place.path);
  } catch (error) {
    throw asStatus("search", place.shown(), error);
  }
  if (matches(itself)) parts.add(entryMessage(new Uint8Array(), itself));
  if (itself.kind === Kind.Directory && depthMax > 0) {
    using tree = new TreeWalk(place.root, place.path, context.signal);
    for await (const step of tree.steps(depthMax - 1)) {
      if (step.is === "failed") parts.addFailure(failureMessage(step.directory, "read the directory", step.reason));
      if (step.is !== "entries") continue;
      const before = pathToBytes(step.directory === "" ? "" : `${step.directory}/`);
      for (const entry of step.entries) {
        if (entry.error !== undefined) {
          if (entry.error.code === "ENOENT") continue; // it vanished
          parts.addFailure(
            failureMessage(joinPath(step.directory, pathFromBytes(entry.name)), "look at it", entry.error),
          );
        } else if (matches(entry)) {
          parts.add(entryMessage(concat(before, entry.name), entry));
        }
        if (parts.due) yield message();
      }
    }
  }
  if (!parts.empty) yield message();
}

/** Raises invalid_argument for more or longer patterns than anybody needs. */
function compileCriteria({ names, kinds, sizeMin, sizeMax }: FindRequest): (entry: Listed) => boolean {
  if (names.length > patternsMax || names.some((name) => name.length > patternBytesMax)) {
    throw new ConnectError(
      `Cannot search for that: ${patternsMax} patterns of ${patternBytesMax} bytes are allowed`,
      Code.InvalidArgument,
    );
  }
  const patterns = names.map((name) => compileNamePattern(checkText(name)));
  const bySize = sizeMin !== undefined || sizeMax !== undefined;
  return (entry) => {
    if (kinds.length > 0 && !kinds.includes(entry.kind)) return false;
    if (bySize && (entry.kind !== Kind.File || entry.size < (sizeMin ?? 0n))) return false;
    if (sizeMax !== undefined && entry.size > sizeMax) return false;
    if (patterns.length === 0) return true;
    const name = pathFromBytes(entry.name);
    return patterns.some((matches) => matches(name));
  };
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
