/** AdminService: each call leads to the file that answers it. */

import type { ConnectRouter } from "@connectrpc/connect";
import { commit, version } from "../base/version.ts";
import { AdminService } from "../wire/gen/blit/v1/admin_pb.ts";
import { protocolVersion } from "../wire/protocol.ts";
import { diskUsage, fileSystemStats } from "./disk_usage.ts";
import { find } from "./find.ts";
import { completePath, list } from "./listing.ts";
import { remove } from "./removal.ts";
import type { DaemonState } from "./state.ts";

export function serveAdmin(router: ConnectRouter, daemon: DaemonState): void {
  router.service(AdminService, {
    serverInfo: () => serverInfo(daemon),
    listModules: () => ({ modules: daemon.modules.configs.map((module) => moduleMessage(daemon, module)) }),
    list: (request, context) => list(daemon, request, context),
    find: (request, context) => find(daemon, request, context),
    diskUsage: (request, context) => diskUsage(daemon, request, context),
    fileSystemStats: (request, context) => fileSystemStats(daemon, request, context),
    remove: (request, context) => remove(daemon, request, context),
    completePath: (request, context) => completePath(daemon, request, context),
  });
}

function serverInfo(daemon: DaemonState) {
  return {
    version,
    commit,
    protocolMajor: protocolVersion.major,
    protocolMinor: protocolVersion.minor,
    hostName: Deno.hostname(),
    operatingSystem: Deno.build.os,
    messageOfTheDay: daemon.config.motd,
    uptimeSeconds: BigInt(Math.floor((performance.now() - daemon.startMs) / 1000)),
    activeCalls: daemon.calls.running.size,
    callsMax: daemon.config.limits.sessions,
  };
}

function moduleMessage(daemon: DaemonState, module: DaemonState["config"]["modules"][number]) {
  return {
    name: module.name,
    comment: module.comment,
    readOnly: module.readOnly,
    connectionsMax: module.connectionsMax,
    activeConnections: daemon.modules.active(module.name),
  };
}
