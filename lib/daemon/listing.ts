/** AdminService.List and CompletePath. */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { pathFromBytes, pathToBytes } from "../base/path_bytes.ts";
import { Kind } from "../model/entry.ts";
import { listBeneath, lookBeneath } from "../native/beneath.ts";
import {
  type CompletePathRequest,
  type CompletePathResponseSchema,
  type ListRequest,
  type ListResponse,
  ListResponseSchema,
} from "../wire/gen/blit/v1/admin_pb.ts";
import type { Entry } from "../wire/gen/blit/v1/entry_pb.ts";
import type { DaemonState } from "./state.ts";
import { entryMessage, failureMessage, MessageParts } from "./entries.ts";
import { enterPlace } from "./place.ts";
import { checkText } from "./remote_path.ts";
import { asStatus } from "./status.ts";

export async function* list(
  daemon: DaemonState,
  request: ListRequest,
  context: HandlerContext,
): AsyncGenerator<ListResponse> {
  using place = enterPlace(daemon.modules, context, request, "read");
  const parts = new MessageParts<Entry>(daemon.config.limits.entriesPerMessage);
  const message = () => {
    const { items, failures } = parts.take();
    return create(ListResponseSchema, { entries: items, failures });
  };
  try {
    const itself = await lookBeneath(place.root, place.path);
    if (itself.kind !== Kind.Directory) {
      parts.add(entryMessage(new Uint8Array(), itself));
      return yield message();
    }
    for await (const entries of listBeneath(place.root, place.path)) {
      context.signal.throwIfAborted();
      for (const entry of entries) {
        if (entry.error === undefined) parts.add(entryMessage(entry.name, entry));
        else if (entry.error.code !== "ENOENT") {
          parts.addFailure(failureMessage(pathFromBytes(entry.name), "look at it", entry.error));
        }
        if (parts.due) yield message();
      }
    }
    yield message();
  } catch (error) {
    throw asStatus("list", place.shown(), error);
  }
}

const completionsMax = 200;

/** A place that is not there or may not be seen has no completions; that is no error. */
export async function completePath(
  daemon: DaemonState,
  request: CompletePathRequest,
  context: HandlerContext,
): Promise<MessageInitShape<typeof CompletePathResponseSchema>> {
  const typed = checkText(request.prefix).replace(/^\/+/, "");
  const wanted = Math.min(request.answersMax || completionsMax, completionsMax);
  const slash = typed.indexOf("/");
  if (slash === -1) return completeModule(daemon, typed, wanted);
  const module = typed.slice(0, slash);
  const inside = typed.slice(slash + 1);
  const directory = inside.slice(0, Math.max(inside.lastIndexOf("/"), 0));
  const beginning = inside.slice(inside.lastIndexOf("/") + 1);
  using place = enterPlace(daemon.modules, context, { module, path: pathToBytes(directory) }, "read");
  const found: string[] = [];
  let truncated = false;
  try {
    for await (const entries of listBeneath(place.root, place.path, true)) {
      context.signal.throwIfAborted();
      for (const entry of entries) {
        const name = pathFromBytes(entry.name);
        if (!name.startsWith(beginning) || (name.startsWith(".") && beginning === "")) continue;
        truncated ||= found.length >= wanted;
        if (!truncated) found.push(name + (entry.kind === Kind.Directory ? "/" : ""));
      }
      if (truncated) break;
    }
  } catch (error) {
    throw asStatus("list", place.shown(), error);
  }
  const before = `/${module}/${directory === "" ? "" : `${directory}/`}`;
  return { paths: found.map((name) => pathToBytes(before + name)).sort(compareBytes), truncated };
}

function completeModule(daemon: DaemonState, beginning: string, wanted: number) {
  const names = daemon.modules.configs.map(({ name }) => name).filter((name) => name.startsWith(beginning)).sort();
  return { paths: names.slice(0, wanted).map((name) => pathToBytes(`/${name}/`)), truncated: names.length > wanted };
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return at === -1 ? a.length - b.length : (a[at] ?? -1) - (b[at] ?? -1);
}
