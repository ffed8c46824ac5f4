/**
 * The floors: C programs that do only the necessary system calls. Nothing that keeps files safe or reports on them is in
 * there, so a real tool can come near but not below; one that does is faster than was thought possible here.
 */

import { type Contender, keepsAll, type Row } from "./contender.ts";
import { program } from "./native.ts";
import type { FileSystem } from "./places.ts";

const sharesExtents: readonly FileSystem[] = ["xfs", "btrfs"];

/** The best first: rows without blit are compared with it. */
export async function floorsFor(row: Row): Promise<Contender[]> {
  if (Deno.build.os !== "linux") return [];
  switch (row.workload.floor) {
    case "tree":
      return [await treeFloor(row.fileSystem)];
    case "large": {
      const ranges = await largeFloor(row, "ranges");
      return sharesExtents.includes(row.fileSystem) ? [await largeFloor(row, "clone"), ranges] : [ranges];
    }
    case "sparse": {
      const sparse = await largeFloor(row, "sparse");
      return sharesExtents.includes(row.fileSystem) ? [await largeFloor(row, "clone"), sparse] : [sparse];
    }
    case "checksum": {
      const path = await program("compare");
      return [floor("floor", "reads and compares both sides", (source, to) => [path, source, to])];
    }
    case "mirror": {
      const path = await program("floor_mirror");
      return [floor("floor", "lists and stats both sides", (source, to) => [path, source, to])];
    }
  }
}

/** What moves the bytes of whole files best, where that is not read and write. */
const treeMethods: Partial<Record<FileSystem, { readonly option: string; readonly note: string }>> = {
  btrfs: { option: "--copy-file-range", note: "copy_file_range" },
  xfs: { option: "--clone", note: "FICLONE from 64 KiB, read and write below" },
};

async function treeFloor(fileSystem: FileSystem): Promise<Contender> {
  const path = await program("floor_small");
  const method = treeMethods[fileSystem];
  const note = `${method?.note ?? "read and write"}, a thread per core`;
  return floor("floor", note, (source, to) => [path, ...(method ? [method.option] : []), source, to]);
}

async function largeFloor(row: Row, method: "clone" | "ranges" | "sparse"): Promise<Contender> {
  const path = await program("floor_large");
  const name = row.workload.fileName ?? "";
  const reserve = method === "ranges" && row.fileSystem === "ext4" ? "fallocate" : "ftruncate";
  const note = {
    clone: "FICLONE",
    ranges: `read and write in ranges, a thread per core, ${reserve}`,
    sparse: "SEEK_DATA, read and write",
  }[method];
  return floor(`floor-${method}`, note, (source, to) => [path, method, reserve, source, to, name]);
}

function floor(id: string, note: string, command: Contender["command"]): Contender {
  return { id, label: `C ${id.replace("-", ": ")}`, role: "floor", note, keeps: keepsAll, command };
}
