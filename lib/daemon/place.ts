/** What every call on a path does first: enters the module, checks the path, and says in the log what the call is about. */

import type { HandlerContext } from "@connectrpc/connect";
import { printablePath } from "../base/path_bytes.ts";
import { callKey } from "./calls.ts";
import type { Modules, ModuleUse } from "./modules.ts";
import { checkPath } from "./remote_path.ts";

/** A path in a module; the call counts as its user until this is disposed of. */
export interface Place extends Disposable {
  /** The module's directory, absolute. */
  readonly root: string;
  /** Relative PEP 383 string; "" is the module itself. */
  readonly path: string;
  /** What is written there may give rights to who wrote it. */
  readonly privileged: boolean;
  /** "module/path" for messages; with `path` that of an entry below. */
  shown(below?: string): string;
}

/** Raises the Connect errors of Modules.enter and checkPath. */
export function enterPlace(
  modules: Modules,
  context: HandlerContext,
  request: { readonly module: string; readonly path: Uint8Array },
  access: "read" | "change",
): Place {
  const path = checkPath(request.path);
  const use: ModuleUse = modules.enter(request.module, access);
  const { name, path: root, privileged } = use.config;
  const shown = (below = "") => printablePath([name, path, below].filter((part) => part !== "").join("/"));
  const call = context.values.get(callKey);
  if (call !== undefined) call.target = shown();
  return { root, path, privileged, shown, [Symbol.dispose]: () => use[Symbol.dispose]() };
}

/** Both relative; "" is neutral. */
export function joinPath(directory: string, name: string): string {
  return directory === "" ? name : name === "" ? directory : `${directory}/${name}`;
}
