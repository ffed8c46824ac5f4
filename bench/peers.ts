/** The tools that people use now, each with its best settings for the row. */

import { type Contender, type Keeps, keepsAll, type Row, type Tool } from "./contender.ts";
import { versionLine } from "./process.ts";

interface Peer {
  readonly id: string;
  readonly versionCommand: readonly string[];
  readonly keeps: Keeps;
  /** Undefined when the tool cannot do the row's task. */
  contender(row: Row): Pick<Contender, "label" | "note" | "command"> | undefined;
}

export const rcloneOptions: readonly string[] = [
  ...["--config", "", "--links", "--transfers", "8", "--checkers", "8"],
];

const peers: readonly Peer[] = [
  {
    id: "cp",
    versionCommand: ["cp", "--version"],
    keeps: keepsAll,
    contender: ({ workload }) =>
      workload.checksum
        ? undefined
        : workload.task === "copy"
        ? { label: "cp -a", note: "keeps everything", command: (source, to) => ["cp", "-a", source, to] }
        : {
          label: "cp -au",
          note: "deletes nothing; writes changed files in place",
          command: (source, to) => ["cp", "-au", `${source}/.`, to],
        },
  },
  {
    id: "rsync",
    versionCommand: ["rsync", "--version"],
    keeps: keepsAll,
    contender: ({ workload }) => {
      const options = [
        "-a",
        ...(workload.floor === "sparse" ? ["-S"] : []),
        ...(workload.task === "mirror" ? ["--delete"] : []),
        ...(workload.checksum ? ["--checksum"] : []),
      ];
      return {
        label: ["rsync", ...options].join(" "),
        note: "whole files (its default for local copies), each through a temporary name",
        command: (source, to) => ["rsync", ...options, `${source}/`, `${to}/`],
      };
    },
  },
  {
    id: "rclone",
    versionCommand: ["rclone", "version"],
    keeps: { times: "nanoseconds", modes: false, directoryTimes: false },
    contender: ({ workload, fileSystem }) => {
      // It fills the holes of a sparse file: ten GiB written is another task.
      if (workload.floor === "sparse") return undefined;
      // It takes as long as all others together; where it stands among them one place tells.
      if (fileSystem !== "tmpfs" && fileSystem !== "other") return undefined;
      const verb = workload.task === "mirror" ? "sync" : "copy";
      const options = [...rcloneOptions, ...(workload.checksum ? ["--checksum"] : [])];
      return {
        label: `rclone ${verb}${workload.checksum ? " --checksum" : ""}`,
        note: "8 transfers; no modes, owners or directory times",
        command: (source, to) => ["rclone", verb, ...options, source, to],
      };
    },
  },
  {
    id: "xcp",
    versionCommand: ["xcp", "--version"],
    keeps: { times: "nanoseconds", modes: true, directoryTimes: false },
    contender: ({ workload }) => {
      if (workload.task === "mirror") return undefined;
      return {
        label: "xcp -r",
        note: "copies in parallel; no directory times",
        command: (source, to) => ["xcp", "-r", "--no-progress", "--no-target-directory", source, to],
      };
    },
  },
  {
    id: "fcp",
    // It takes the option for an error.
    versionCommand: ["sh", "-c", "command -v fcp >/dev/null && { fcp --version 2>&1 || true; }"],
    keeps: { times: "none", modes: true, directoryTimes: false },
    contender: ({ workload }) => {
      if (workload.task === "mirror") return undefined;
      return { label: "fcp", note: "copies in parallel; no times", command: (source, to) => ["fcp", source, to] };
    },
  },
  {
    id: "tar",
    versionCommand: ["tar", "--version"],
    keeps: { times: "seconds", modes: true, directoryTimes: true },
    contender: ({ workload }) => {
      if (workload.task === "mirror") return undefined;
      const sparse = workload.floor === "sparse" ? "-S " : "";
      const script = `mkdir "$2" && tar -C "$1" ${sparse}-cf - . | tar -C "$2" -xpf -`;
      return {
        label: "tar | tar",
        note: "times in whole seconds",
        command: (source, to) => ["sh", "-c", script, "sh", source, to],
      };
    },
  },
];

export const peerIds: readonly string[] = peers.map((peer) => peer.id);

/** Which peers this machine has. */
export async function findPeers(): Promise<Tool[]> {
  const found = await Promise.all(peers.map(async ({ id, versionCommand }): Promise<Tool> => {
    const version = await versionLine(versionCommand);
    return version ? { id, version } : { id, absent: "not installed; bench/install_peers does it" };
  }));
  return [...found, { id: "robocopy", absent: "runs on Windows, where this bench does not" }];
}

/** Those of the peers named that can do the row. */
export function peersFor(row: Row, ids: readonly string[]): Contender[] {
  return peers.filter((peer) => ids.includes(peer.id)).flatMap((peer) => {
    const contender = peer.contender(row);
    return contender ? [{ id: peer.id, role: "peer" as const, keeps: peer.keeps, ...contender }] : [];
  });
}
