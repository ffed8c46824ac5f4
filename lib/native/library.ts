/** Opens the C shim. The only place that calls Deno.dlopen. */

import { type DaemonLibrary, daemonSymbols } from "./daemon_symbols.ts";
import { ABI } from "./layout.ts";

const symbols = {
  blit_abi: { parameters: [], result: "i64" },
  blit_engine_open: { parameters: ["buffer", "buffer", "buffer", "buffer", "buffer"], result: "i64" },
  blit_engine_submit: { parameters: ["pointer", "buffer", "u64"], result: "i64" },
  blit_engine_work: { parameters: ["pointer"], result: "i64", nonblocking: true },
  blit_engine_wait: { parameters: ["pointer", "i64"], result: "i64", nonblocking: true },
  blit_engine_collect: { parameters: ["pointer", "buffer", "u64"], result: "i64" },
  blit_engine_progress: { parameters: ["pointer", "buffer"], result: "i64" },
  blit_engine_activate: { parameters: ["pointer", "u32"], result: "i64" },
  blit_engine_stop: { parameters: ["pointer", "i64"], result: "i64" },
  blit_engine_close: { parameters: ["pointer"], result: "i64" },
  blit_batch_free: { parameters: ["pointer", "pointer"], result: "i64" },
  blit_dir_path: { parameters: ["pointer", "u32", "buffer", "u64"], result: "i64" },
  blit_path_facts: { parameters: ["buffer", "i64", "buffer"], result: "i64" },
  blit_path_make: { parameters: ["buffer"], result: "i64" },
  blit_path_rename: { parameters: ["buffer", "buffer"], result: "i64" },
  blit_path_remove_dir: { parameters: ["buffer"], result: "i64" },
} as const;

export type Library = Deno.DynamicLibrary<typeof symbols>;

const fileNames: Partial<Record<typeof Deno.build.os, string>> = { darwin: "libblit.dylib", windows: "libblit.dll" };

let opened: Library | undefined | null = null;

/** The shim, or undefined where it was not built. A shim of another version counts as not built. */
export function openLibrary(): Library | undefined {
  if (opened === null) opened = tryOpen();
  return opened;
}

function tryOpen(): Library | undefined {
  const library = load(symbols);
  return library?.symbols.blit_abi() === BigInt(ABI) ? library : undefined;
}

let openedForDaemon: DaemonLibrary | undefined | null = null;

/** The same library with the calls of the daemon; undefined where openLibrary finds none. */
export function openDaemonLibrary(): DaemonLibrary | undefined {
  if (openedForDaemon === null) openedForDaemon = openLibrary() && load(daemonSymbols);
  return openedForDaemon;
}

function load<T extends Deno.ForeignLibraryInterface>(table: T): Deno.DynamicLibrary<T> | undefined {
  const name = fileNames[Deno.build.os] ?? "libblit.so";
  const path = new URL(`../../native/build/${name}`, import.meta.url);
  try {
    return Deno.dlopen(Deno.build.standalone && Deno.build.os === "linux" ? inMemory(path) : path, table);
  } catch {
    return undefined;
  }
}

let memoryPath: string | undefined;

/**
 * A path in memory of a library that the executable carries. Left to itself Deno would write it to the temporary folder at
 * every start, which fails where that is mounted noexec.
 */
function inMemory(embedded: URL): string {
  if (memoryPath !== undefined) return memoryPath;
  const libc = Deno.dlopen("libc.so.6", {
    memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
    write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  });
  const bytes = Deno.readFileSync(embedded);
  const descriptor = libc.symbols.memfd_create(new TextEncoder().encode("libblit\0"), MFD_CLOEXEC);
  const written = Number(libc.symbols.write(descriptor, bytes, BigInt(bytes.length)));
  if (written !== bytes.length) throw new Error("Cannot hold the native library in memory");
  return memoryPath = `/proc/self/fd/${descriptor}`;
}

const MFD_CLOEXEC = 1;
