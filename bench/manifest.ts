/**
 * What a generated tree consists of, as data: entries, their totals, and the text that `native/make_tree.c` reads.
 * Knows nothing of where trees come from (shapes.ts) or where they are made (generate.ts).
 */

export interface DirEntry {
  readonly kind: "dir";
  readonly path: string;
  readonly mode: number;
  readonly mtimeNs: bigint;
}

export interface LinkEntry {
  readonly kind: "link";
  readonly path: string;
  readonly target: string;
  readonly mtimeNs: bigint;
}

export interface FileEntry {
  readonly kind: "file";
  readonly path: string;
  readonly mode: number;
  readonly mtimeNs: bigint;
  /** Bytes. */
  readonly size: number;
  /** Decides the content. */
  readonly seed: number;
  /** Sparse when given: `extent` bytes of data at every multiple of `stride`, holes between. */
  readonly sparse?: { readonly extent: number; readonly stride: number };
}

/** Paths are ASCII without tabs and newlines; a directory comes before what is in it. */
export type Entry = DirEntry | LinkEntry | FileEntry;

export interface Facts {
  readonly files: number;
  /** The root not counted. */
  readonly directories: number;
  readonly links: number;
  /** Sum of the file sizes. */
  readonly bytes: number;
  /** Bytes of data in 4 KiB blocks, holes left out: what the tree needs on a file system, roughly. */
  readonly allocated: number;
}

const blockBytes = 4096;

export function factsOf(entries: Iterable<Entry>): Facts {
  let files = 0, directories = 0, links = 0, bytes = 0, allocated = 0;
  for (const entry of entries) {
    if (entry.kind === "dir") directories++;
    else if (entry.kind === "link") links++;
    else {
      files++;
      bytes += entry.size;
      allocated += Math.ceil(dataBytes(entry) / blockBytes) * blockBytes;
    }
  }
  return { files, directories, links, bytes, allocated };
}

function dataBytes(file: FileEntry): number {
  if (!file.sparse) return file.size;
  return Math.ceil(file.size / file.sparse.stride) * file.sparse.extent;
}

/** One line of make_tree's input, newline included. */
export function encodeEntry(entry: Entry): string {
  switch (entry.kind) {
    case "dir":
      return `d\t${entry.mode.toString(8)}\t${entry.mtimeNs}\t${entry.path}\n`;
    case "link":
      return `l\t${entry.mtimeNs}\t${entry.target}\t${entry.path}\n`;
    case "file": {
      const { extent, stride } = entry.sparse ?? { extent: 0, stride: 0 };
      const numbers = [entry.mode.toString(8), entry.mtimeNs, entry.size, entry.seed, extent, stride];
      return `f\t${numbers.join("\t")}\t${entry.path}\n`;
    }
  }
}
