/** Records and places for the tests of the tuner. */

import type { FileSystemProfile, RunFlag, RunRecord } from "../../lib/model/run_record.ts";

export const ext4: FileSystemProfile = { kind: "ext4", network: false, rotational: false, device: "nvme0n1" };
export const xfs: FileSystemProfile = { kind: "xfs", network: false, rotational: false, device: "nvme1n1" };
export const nfs: FileSystemProfile = { kind: "nfs4", network: true };

/** A whole, ordinary run; `flags`, `files` and `bytes` go into its workload. */
export function sampleRecord(
  fields: Partial<RunRecord> & { flags?: RunFlag[]; files?: number; bytes?: number } = {},
): RunRecord {
  const { flags = [], files = 100, bytes = 1_000_000, ...rest } = fields;
  return {
    v: 1,
    time: "2026-02-03T14:05:06.789Z",
    version: "0.1.0",
    status: "ok",
    route: "streaming",
    route_reason: "100 files, 977 KiB: beyond 8 files and 95.4 MiB",
    predicted_planning_ms: 6,
    workload: { files, bytes, sizes: [0, files, 0, 0, 0, 0, 0], flags },
    source: ext4,
    destination: xfs,
    planning_ms: 5,
    copy_ms: 900,
    total_ms: 1000,
    bytes_by_method: { read_write: bytes },
    workers: 2,
    lanes: 0,
    shard_bytes: 0,
    stalls: 0,
    waits_ms: { planner: 1, source: 2, network: 0, destination: 3 },
    ...rest,
  };
}
