/**
 * What every engine must do: one suite that each of them passes. Where they may differ, `Capabilities` says so.
 *
 * The suite is registered for an `open` function; the tests' names begin with the engine's.
 */

import { changeContract } from "./contract_change.ts";
import { copyContract } from "./contract_copy.ts";
import { largeContract } from "./contract_large.ts";
import { lifeContract } from "./contract_life.ts";
import { listContract } from "./contract_list.ts";
import { treeContract } from "./contract_tree.ts";
import type { Capabilities, OpenEngine } from "./engine_harness.ts";

export function engineContract(name: string, open: OpenEngine, can: Capabilities): void {
  listContract(name, open, can);
  copyContract(name, open, can);
  changeContract(name, open);
  largeContract(name, open);
  treeContract(name, open, can);
  lifeContract(name, open);
}
