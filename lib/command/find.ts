/** `blit find`: what matches is printed as it is found. */

import { isGiven } from "../args/parse.ts";
import { type KindName, resolveFind } from "../args/resolve_network.ts";
import { pathToBytes } from "../base/path_bytes.ts";
import { formatRemote } from "../endpoint/remote.ts";
import { EntryKind } from "../wire/gen/blit/v1/entry_pb.ts";
import type { Command } from "./command.ts";
import { entryLine, entryRecord } from "./entry_text.ts";
import { askDaemon, FailureList, pathRequest, remotePlace, shownBelow } from "./remote.ts";

const kinds: Readonly<Record<KindName, readonly EntryKind[]>> = {
  file: [EntryKind.FILE],
  directory: [EntryKind.DIRECTORY],
  symlink: [EntryKind.SYMLINK],
  other: [EntryKind.FIFO, EntryKind.SOCKET, EntryKind.CHAR_DEVICE, EntryKind.BLOCK_DEVICE],
};

export const run: Command = async (context, typed) => {
  const wanted = resolveFind(typed);
  const place = remotePlace(context, wanted.path);
  const failures = new FailureList(context, place);
  const [json, long] = [isGiven(typed, "json"), isGiven(typed, "long")];
  let found = 0;
  if (json) context.stdout.write(`{"place":${JSON.stringify(formatRemote(place))},"entries":[`);
  await askDaemon(place, typed, async (client) => {
    const request = {
      ...pathRequest(place),
      names: wanted.names.map(pathToBytes),
      kinds: wanted.kinds.flatMap((name) => kinds[name]),
      sizeMin: wanted.minSize === undefined ? undefined : BigInt(wanted.minSize),
      sizeMax: wanted.maxSize === undefined ? undefined : BigInt(wanted.maxSize),
      depthMax: wanted.maxDepth,
    };
    for await (const part of client.find(request)) {
      const lines = part.entries.map((entry) => {
        if (json) return `${found++ === 0 ? "\n" : ",\n"}${JSON.stringify(entryRecord(entry))}`;
        return `${entryLine(entry, shownBelow(place, entry.path), long)}\n`;
      });
      context.stdout.write(lines.join(""));
      failures.add(part.failures);
    }
  });
  if (json) context.stdout.write(`${found > 0 ? "\n" : ""}],"failures":${JSON.stringify(failures.records)}}\n`);
  return failures.exitCode;
};
