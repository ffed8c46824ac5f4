/** The contract suite over the engine that needs no compiler, in both of its ways to reach entries. */

import { openPortableEngine } from "../../lib/native/portable_engine.ts";
import { engineContract } from "./engine_contract.ts";

const can = { nanoseconds: false, specialFiles: false, anyName: false };

engineContract("portable engine", (config) => openPortableEngine(config), {
  ...can,
  anchored: Deno.build.os === "linux",
});
engineContract("portable engine by paths", (config) => openPortableEngine(config, false), { ...can, anchored: false });
