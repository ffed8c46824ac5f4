/** `blit ls` */

import { oneOperand } from "../args/operands.ts";
import { isGiven } from "../args/parse.ts";
import { pathFromBytes } from "../base/path_bytes.ts";
import { formatRemote } from "../endpoint/remote.ts";
import type { Entry } from "../wire/gen/blit/v1/entry_pb.ts";
import type { Command } from "./command.ts";
import { entryLine, entryRecord } from "./entry_text.ts";
import { askDaemon, FailureList, pathRequest, remotePlace } from "./remote.ts";

export const run: Command = async (context, typed) => {
  const place = remotePlace(context, oneOperand(typed, "a path such as host:/module/path"));
  const failures = new FailureList(context, place);
  const entries: { entry: Entry; name: string }[] = [];
  await askDaemon(place, typed, async (client) => {
    for await (const part of client.list(pathRequest(place))) {
      for (const entry of part.entries) entries.push({ entry, name: pathFromBytes(entry.path) });
      failures.add(part.failures);
    }
  });
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  if (isGiven(typed, "json")) {
    const record = {
      place: formatRemote(place),
      entries: entries.map(({ entry }) => entryRecord(entry)),
      failures: failures.records,
    };
    context.stdout.write(`${JSON.stringify(record)}\n`);
  } else {
    const itself = place.path.split("/").at(-1)!;
    const lines = entries.map(({ entry, name }) => `${entryLine(entry, name || itself, isGiven(typed, "long"))}\n`);
    context.stdout.write(lines.join(""));
  }
  return failures.exitCode;
};
