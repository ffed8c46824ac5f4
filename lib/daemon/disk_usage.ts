/** AdminService.DiskUsage and FileSystemStats. */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { pathFromBytes, pathToBytes } from "../base/path_bytes.ts";
import { type Listed, lookBeneath, spaceBeneath } from "../native/beneath.ts";
import { Kind } from "../model/entry.ts";
import {
  type DiskUsageRequest,
  type DiskUsageResponse,
  DiskUsageResponseSchema,
  type FileSystemStatsRequest,
  type FileSystemStatsResponseSchema,
  type Usage,
  UsageSchema,
} from "../wire/gen/blit/v1/admin_pb.ts";
import { failureMessage, MessageParts } from "./entries.ts";
import { enterPlace, joinPath } from "./place.ts";
import type { DaemonState } from "./state.ts";
import { asStatus } from "./status.ts";
import { TreeWalk } from "./walk.ts";

/** Names of one file are recognised up to this many files; each needs some 100 bytes. */
const linkedFilesMax = 1_000_000;

class Sum {
  files = 0;
  directories = 0;
  bytes = 0n;
  allocated = 0n;

  /** Bytes on the medium of directories in it that were listed and not yet left: each counts for itself, too. */
  readonly #waiting = new Map<string, bigint>();

  addLater(directory: Listed): void {
    this.#waiting.set(pathFromBytes(directory.name), directory.allocated);
  }

  /** What `addLater` was told of that name. */
  take(name: Uint8Array): bigint {
    const key = pathFromBytes(name);
    const allocated = this.#waiting.get(key) ?? 0n;
    this.#waiting.delete(key);
    return allocated;
  }

  addDirectory(allocated: bigint): void {
    this.directories++;
    this.allocated += allocated;
  }

  add(entry: Listed, seen: Set<string>): void {
    if (entry.kind === Kind.Directory) return this.addDirectory(entry.allocated);
    this.files++;
    if (entry.nlink > 1) {
      const inode = `${entry.dev}:${entry.ino}`;
      if (seen.has(inode)) return;
      if (seen.size < linkedFilesMax) seen.add(inode);
    }
    this.allocated += entry.allocated;
    if (entry.kind === Kind.File) this.bytes += entry.size;
  }

  addAll(other: Sum): void {
    this.files += other.files;
    this.directories += other.directories;
    this.bytes += other.bytes;
    this.allocated += other.allocated;
  }

  message(path: string): Usage {
    return create(UsageSchema, {
      path: pathToBytes(path),
      files: BigInt(this.files),
      directories: BigInt(this.directories),
      bytes: this.bytes,
      allocatedBytes: this.allocated,
    });
  }
}

export async function* diskUsage(
  daemon: DaemonState,
  request: DiskUsageRequest,
  context: HandlerContext,
): AsyncGenerator<DiskUsageResponse> {
  using place = enterPlace(daemon.modules, context, request, "read");
  const parts = new MessageParts<Usage>(daemon.config.limits.entriesPerMessage);
  const message = () => {
    const { items, failures } = parts.take();
    return create(DiskUsageResponseSchema, { usages: items, failures });
  };
  const seen = new Set<string>();
  /** One for each directory on the way. */
  const sums: Sum[] = [];
  const total = new Sum();
  let itself: Listed;
  try {
    itself = await lookBeneath(place.root, place.path);
  } catch (error) {
    throw asStatus("measure", place.shown(), error);
  }
  total.add(itself, seen);
  if (itself.kind === Kind.Directory) {
    using tree = new TreeWalk(place.root, place.path, context.signal);
    for await (const step of tree.steps()) {
      if (step.is === "failed") parts.addFailure(failureMessage(step.directory, "read the directory", step.reason));
      if (step.is === "entries") {
        while (sums.length <= step.depth) sums.push(new Sum());
        for (const entry of step.entries) {
          if (entry.kind === Kind.Directory) sums[step.depth].addLater(entry);
          else if (entry.error === undefined) sums[step.depth].add(entry, seen);
          else if (entry.error.code !== "ENOENT") {
            const path = joinPath(step.directory, pathFromBytes(entry.name));
            parts.addFailure(failureMessage(path, "look at it", entry.error));
          }
        }
      }
      if (step.is === "left") {
        const sum = sums.length > step.depth ? sums.pop()! : new Sum();
        const above = sums[step.depth - 1];
        if (above !== undefined) sum.addDirectory(above.take(step.name));
        (above ?? total).addAll(sum);
        if (step.depth > 0 && step.depth <= request.depthMax) parts.add(sum.message(step.directory));
      }
      if (parts.due) yield message();
    }
  }
  parts.add(total.message(""));
  yield message();
}

export async function fileSystemStats(
  daemon: DaemonState,
  request: FileSystemStatsRequest,
  context: HandlerContext,
): Promise<MessageInitShape<typeof FileSystemStatsResponseSchema>> {
  using place = enterPlace(daemon.modules, context, request, "read");
  try {
    const space = await spaceBeneath(place.root, place.path);
    return {
      totalBytes: space.total,
      freeBytes: space.free,
      availableBytes: space.available,
      totalInodes: space.inodes,
      freeInodes: space.inodesFree,
      readOnly: space.readOnly,
    };
  } catch (error) {
    throw asStatus("measure", place.shown(), error);
  }
}
