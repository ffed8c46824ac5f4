/**
 * Opens the C shim. The only place that calls Deno.dlopen.
 *
 * For a symbol with parameters the runtime compiles a stub when it opens the library, 0.15 ms each, and a call then costs next to
 * nothing. One that is only looked up costs nothing to open and 0.6 us a call: the better bargain where calls are few and long.
 */

import { daemonCalls } from "./daemon_calls.ts";
import { ABI } from "./layout.ts";

const shortCalls = {
  blit_abi: { parameters: [], result: "i64" },
  blit_engine_open: { parameters: ["buffer", "buffer", "buffer", "buffer", "buffer"], result: "i64" },
  blit_engine_submit: { parameters: ["pointer", "buffer", "u64"], result: "i64" },
  blit_engine_collect: { parameters: ["pointer", "buffer", "u64"], result: "i64" },
  blit_engine_progress: { parameters: ["pointer", "buffer"], result: "i64" },
  blit_engine_wait_here: { name: "blit_engine_wait", parameters: ["pointer", "i64"], result: "i64" },
  blit_engine_activate: { parameters: ["pointer", "u32"], result: "i64" },
  blit_engine_root_at: { parameters: ["pointer", "buffer"], result: "i64" },
  blit_engine_avoid: { parameters: ["pointer", "u64", "u64"], result: "i64" },
  blit_engine_start: { parameters: ["pointer"], result: "i64" },
  blit_engine_stop: { parameters: ["pointer", "i64"], result: "i64" },
  blit_engine_join: { parameters: ["pointer", "i64"], result: "i64" },
  blit_engine_close: { parameters: ["pointer"], result: "i64" },
  blit_waiter_open: { parameters: ["buffer"], result: "i64" },
  blit_wait_descriptor: { parameters: ["pointer", "i32", "i64", "u64", "i64"], result: "i64" },
  blit_wait_engine: { parameters: ["pointer", "pointer", "u64", "i64"], result: "i64" },
  blit_request_comes: { parameters: ["pointer", "u32"], result: "i64" },
  blit_request_drop: { parameters: ["pointer", "u32"], result: "i64" },
  blit_lane_retire: { parameters: ["pointer"], result: "i64" },
  blit_batch_free: { parameters: ["pointer", "u64"], result: "i64" },
  blit_batch_take: { parameters: ["buffer", "u64", "buffer"], result: "i64" },
  blit_descriptor_close: { parameters: ["i32"], result: "i64" },
  blit_dir_path: { parameters: ["pointer", "u32", "buffer", "u64"], result: "i64" },
  blit_attribute_name: { parameters: ["pointer", "u32", "buffer", "u64"], result: "i64" },
  blit_path_space: { parameters: ["buffer", "buffer"], result: "i64" },
  blit_path_first_look: { parameters: ["buffer", "u64", "u64", "buffer"], result: "i64" },
  blit_path_facts: { parameters: ["buffer", "i64", "buffer"], result: "i64" },
  blit_path_answers: { parameters: ["buffer", "i64"], result: "i64" },
  blit_path_read: { parameters: ["buffer", "buffer", "u64"], result: "i64" },
  blit_path_append: { parameters: ["buffer", "buffer", "u64"], result: "i64" },
  blit_path_real: { parameters: ["buffer", "buffer", "u64"], result: "i64" },
  blit_path_make: { parameters: ["buffer", "i64"], result: "i64" },
  blit_path_rename: { parameters: ["buffer", "buffer"], result: "i64" },
  blit_path_remove_dir: { parameters: ["buffer"], result: "i64" },
} as const;

/**
 * It blocks on a thread of the runtime, which has 32: when all of them wait, everything does. One call at a time serves the whole
 * process, however many engines and connections there are; no other call may block for as long as a transfer likes.
 */
const longCalls = {
  blit_wait: { parameters: ["pointer", "buffer", "u64"], result: "i64", nonblocking: true },
} as const;

type Calls = Readonly<Record<string, Deno.ForeignFunction>>;
type Bound<C extends Calls> = { readonly [Name in keyof C]: Deno.UnsafeFnPointer<C[Name]>["call"] };

export interface Library {
  readonly symbols: Deno.DynamicLibrary<typeof longCalls>["symbols"] & Bound<typeof shortCalls>;
}

export interface DaemonLibrary {
  readonly symbols: Bound<typeof daemonCalls>;
}

const fileNames: Partial<Record<typeof Deno.build.os, string>> = { darwin: "libblit.dylib", windows: "libblit.dll" };

let opened: Library | undefined | null = null;

/** The shim, or undefined where it was not built. A shim of another version counts as not built. */
export function openLibrary(): Library | undefined {
  if (opened === null) opened = tryOpen();
  return opened;
}

function tryOpen(): Library | undefined {
  const library = load({ ...longCalls, ...lookUps(shortCalls) });
  if (library === undefined) return undefined;
  const symbols: Library["symbols"] = { ...library.symbols, ...bind(library.symbols, shortCalls) };
  return symbols.blit_abi() === BigInt(ABI) ? { symbols } : undefined;
}

type LookUps<C extends Calls> = { readonly [Name in keyof C]: { readonly type: "pointer"; readonly name?: string } };

function lookUps<C extends Calls>(calls: C): LookUps<C> {
  const entries = Object.entries(calls).map(([key, { name }]) => [key, { type: "pointer", ...name && { name } }]);
  return Object.fromEntries(entries);
}

function bind<C extends Calls>(addresses: { readonly [Name in keyof C]: unknown }, calls: C): Bound<C> {
  const bound = Object.entries(calls).map(([key, definition]) => {
    const pointer = new Deno.UnsafeFnPointer(addresses[key] as Deno.PointerObject<Deno.ForeignFunction>, definition);
    return [key, pointer.call.bind(pointer)];
  });
  return Object.fromEntries(bound);
}

let openedForDaemon: DaemonLibrary | undefined | null = null;

/** The same library with the calls of the daemon; undefined where openLibrary finds none. */
export function openDaemonLibrary(): DaemonLibrary | undefined {
  if (openedForDaemon === null) {
    const library = openLibrary() && load(lookUps(daemonCalls));
    openedForDaemon = library && { symbols: bind(library.symbols, daemonCalls) };
  }
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
  const libc = Deno.dlopen("libc.so.6", { memfd_create: { type: "pointer" } });
  const definition = { parameters: ["buffer", "u32"], result: "i32" } as const;
  const create = new Deno.UnsafeFnPointer<typeof definition>(libc.symbols.memfd_create as never, definition);
  const descriptor = create.call(new TextEncoder().encode("libblit\0"), MFD_CLOEXEC);
  const path = `/proc/self/fd/${descriptor}`;
  Deno.writeFileSync(path, Deno.readFileSync(embedded), { create: false });
  return memoryPath = path;
}

const MFD_CLOEXEC = 1;
