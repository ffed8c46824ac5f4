/**
 * Who takes part in a remote row: blit, rsync and its daemon, rclone and its SFTP server, tar over a socket, and for one
 * file the C floor. Servers export the row's place and end with the row.
 */

import { type Blit, blitWords, recordingIn } from "./blit.ts";
import { type Contender, keepsAll } from "./contender.ts";
import { program } from "./native.ts";
import type { Network } from "./networks.ts";
import { rcloneOptions } from "./peers.ts";
import type { Place } from "./places.ts";
import { run } from "./process.ts";
import { freePort, type Server, startBlitDaemon, startRcloneServer, startRsyncDaemon } from "./servers.ts";
import type { Workload } from "./workloads.ts";

/** Seen from the client; `between`: from the daemon at the server's end to one at the client's. */
export const directions = ["push", "pull", "between"] as const;
export type Direction = typeof directions[number];

/** Tools of peers.ts that can do something over a network. */
export const remotePeerIds: readonly string[] = ["rsync", "rclone", "tar"];

export interface Setting {
  readonly blit: Blit | undefined;
  /** Ids of the peers that are installed. */
  readonly peers: readonly string[];
  readonly place: Place;
  readonly direction: Direction;
  readonly workload: Workload;
  readonly network: Network;
  /** A directory for configuration files. */
  readonly config: string;
}

/** Starts the servers that the row needs, on the stack. `daemon` is blit's. */
export async function startContenders(
  setting: Setting,
  servers: AsyncDisposableStack,
): Promise<{ contenders: Contender[]; daemon: Server | undefined }> {
  const { blit, peers, place, direction, workload, network, config } = setting;
  const contenders: Contender[] = [];
  let daemon: Server | undefined;
  if (blit) {
    daemon = servers.use(await startBlitDaemon(blit, place.root, network, config, "server"));
    const other = direction === "between"
      ? servers.use(await startBlitDaemon(blit, place.root, network, config, "client"))
      : undefined;
    contenders.push(blitContender(setting, blit, daemon, other));
  }
  if (peers.includes("rsync") && direction !== "between") {
    contenders.push(rsyncContender(setting, servers.use(await startRsyncDaemon(place.root, network, config))));
  }
  // 100,000 small files through SFTP take more than a minute.
  if (peers.includes("rclone") && direction !== "between" && workload.floor === "large") {
    contenders.push(await rcloneContender(setting, servers.use(await startRcloneServer(place.root, network))));
  }
  if (peers.includes("tar") && workload.task === "copy") contenders.push(await tarContender(setting));
  if (workload.floor === "large" && network.id === "loopback") contenders.push(await floor(workload));
  return { contenders, daemon };
}

/** The command's words: from, to, whichever of the two is `remote` in this direction. */
function ends({ direction }: Setting, source: string, to: string, remote: (path: string) => string): [string, string] {
  return direction === "push" ? [source, remote(to)] : [remote(source), to];
}

function blitContender(setting: Setting, blit: Blit, { port }: Server, other: Server | undefined): Contender {
  const { place, network, workload, config } = setting;
  const inModule = (path: string) => `/default${path.slice(place.root.length)}`;
  const remote = (path: string) => `${network.address}:${port}:${inModule(path)}`;
  return {
    id: "blit",
    label: `blit ${workload.task}`,
    role: "blit",
    note: blit.how,
    keeps: keepsAll,
    environment: recordingIn(config),
    command: (source, to) => {
      const [from, into] = other
        ? [remote(source), `${network.clientAddress}:${other.port}:${inModule(to)}`]
        : ends(setting, source, to, remote);
      return network.atClient([...blit.command, ...blitWords(workload, from, into)]);
    },
  };
}

function rsyncContender(setting: Setting, { port }: Server): Contender {
  const { place, network, workload: { task } } = setting;
  const options = ["-a", "--whole-file", ...(task === "mirror" ? ["--delete"] : [])];
  const remote = (path: string) => `rsync://${network.address}:${port}/bench${path.slice(place.root.length)}`;
  return {
    id: "rsyncd",
    label: ["rsync", ...options].join(" "),
    role: "peer",
    note: "against its own daemon",
    keeps: keepsAll,
    command: (source, to) => {
      const [from, into] = ends(setting, source, to, remote);
      return network.atClient(["rsync", ...options, `${from}/`, `${into}/`]);
    },
  };
}

async function rcloneContender(setting: Setting, { port }: Server): Promise<Contender> {
  const { place, network } = setting;
  // Any password will do, but without one it looks for keys.
  const password = (await run(["rclone", "obscure", "any"])).trim();
  const access = `user=bench,pass=${password},shell_type=none,disable_hashcheck=true`;
  const backend = `:sftp,host=${network.address},port=${port},${access}`;
  const remote = (path: string) => `${backend}:${path.slice(place.root.length + 1)}`;
  return {
    id: "rclone",
    label: "rclone copy",
    role: "peer",
    note: "against rclone serve sftp, which encrypts; 8 transfers; no modes, owners or directory times",
    keeps: { times: "seconds", modes: false, directoryTimes: false },
    command: (source, to) => {
      const [from, into] = ends(setting, source, to, remote);
      return network.atClient(["rclone", "copy", ...rcloneOptions, from, into]);
    },
  };
}

/** One connection made for each run: its listening end stands at the server's end of the network. */
async function tarContender({ network, direction }: Setting): Promise<Contender> {
  const pipe = await program("pipe_tcp");
  const port = freePort();
  const wire = (verb: string, role: string) => quoted([pipe, verb, role, network.address, String(port)]);
  return {
    id: "tar",
    label: "tar over a socket",
    role: "peer",
    note: "times in whole seconds; one connection, by splice",
    keeps: { times: "seconds", modes: true, directoryTimes: true },
    command: (source, to) => {
      const pack = (role: string) => `tar -C ${quoted([source])} -cf - . | ${wire("send", role)}`;
      const unpack = (role: string) => `${wire("receive", role)} | tar -C ${quoted([to])} -xpf -`;
      const [there, here] = direction === "push"
        ? [unpack("listen"), pack("connect")]
        : [pack("listen"), unpack("connect")];
      const [server, client] = [network.atServer(["sh", "-c", there]), network.atClient(["sh", "-c", here])];
      return ["sh", "-c", `mkdir ${quoted([to])} && { ${quoted(server)} & ${quoted(client)} && wait $!; }`];
    },
  };
}

function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

async function floor({ fileName }: Workload): Promise<Contender> {
  const path = await program("floor_stream");
  return {
    id: "floor-stream",
    label: "C floor: stream",
    role: "floor",
    note: "sendfile to recv and pwrite over two connections",
    keeps: { times: "nanoseconds", modes: true, directoryTimes: false },
    command: (
      source,
      to,
    ) => ["sh", "-c", 'mkdir "$3" && "$1" "$2/$4" "$3/$4" 2', "sh", path, source, to, fileName ?? ""],
  };
}
