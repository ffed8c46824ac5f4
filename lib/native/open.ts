/** Chooses the engine: the C shim where it was built, plain Deno calls elsewhere. */

import type { Engine, EngineConfig } from "./engine.ts";
import { openNativeEngine } from "./native_engine.ts";

export interface OpenedEngine {
  readonly engine: Engine;
  /** Without the shim everything still works, slower and with less of the metadata kept. */
  readonly portable: boolean;
}

/** Raises BlitError (failed) when a root cannot be opened. */
export async function openEngine(config: EngineConfig): Promise<OpenedEngine> {
  const native = openNativeEngine(config);
  if (native) return { engine: native, portable: false };
  const { openPortableEngine } = await import("./portable_engine.ts");
  return { engine: openPortableEngine(config), portable: true };
}
