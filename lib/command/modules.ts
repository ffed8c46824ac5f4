/** `blit modules` */

import { oneOperand } from "../args/operands.ts";
import { isGiven } from "../args/parse.ts";
import { ExitCode } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import { parseDaemon } from "../endpoint/remote.ts";
import type { Command } from "./command.ts";
import { askDaemon } from "./remote.ts";

export const run: Command = async (context, typed) => {
  const daemon = parseDaemon(oneOperand(typed, "a host"));
  const [info, { modules }] = await askDaemon(
    daemon,
    typed,
    (client) => Promise.all([client.serverInfo({}), client.listModules({})]),
  );
  if (isGiven(typed, "json")) {
    const record = {
      host: daemon.host,
      port: daemon.port,
      version: info.version,
      commit: info.commit,
      protocol: `${info.protocolMajor}.${info.protocolMinor}`,
      message_of_the_day: info.messageOfTheDay,
      modules: modules.map((module) => ({
        name: module.name,
        comment: module.comment,
        read_only: module.readOnly,
        connections_max: module.connectionsMax,
        active_connections: module.activeConnections,
      })),
    };
    context.stdout.write(`${JSON.stringify(record)}\n`);
    return ExitCode.Ok;
  }
  if (info.messageOfTheDay !== "") {
    context.stderr.write(`${info.messageOfTheDay.split("\n").map(printablePath).join("\n")}\n`);
  }
  const widest = Math.max(...modules.map(({ name }) => name.length), 0);
  for (const { name, readOnly, comment } of modules) {
    const line = `${printablePath(name).padEnd(widest)}  ${readOnly ? "read-only " : "read-write"}  ${
      printablePath(comment)
    }`;
    context.stdout.write(`${line.trimEnd()}\n`);
  }
  return ExitCode.Ok;
};
