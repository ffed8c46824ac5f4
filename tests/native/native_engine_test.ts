/** The contract suite over the C shim, where it was built. */

import { openLibrary } from "../../lib/native/library.ts";
import { openNativeEngine } from "../../lib/native/native_engine.ts";
import { engineContract } from "./engine_contract.ts";

if (openLibrary()) {
  engineContract("native engine", (config) => openNativeEngine(config)!, {
    nanoseconds: true,
    specialFiles: true,
    anyName: true,
    anchored: true,
  });
} else {
  console.error("skipped: the contract of the native engine: the shim was not built");
  Deno.test({ name: "native engine", ignore: true, fn: () => {} });
}
