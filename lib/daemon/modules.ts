/** The modules that are exported now, and how many calls use each. A reload changes what new calls find; running ones keep theirs. */

import { Code, ConnectError } from "@connectrpc/connect";
import { printablePath } from "../base/path_bytes.ts";
import type { ModuleConfig } from "./config.ts";

export interface ModuleUse extends Disposable {
  readonly config: ModuleConfig;
}

export class Modules {
  #configs: readonly ModuleConfig[];
  readonly #active = new Map<string, number>();

  constructor(configs: readonly ModuleConfig[]) {
    this.#configs = configs;
  }

  replace(configs: readonly ModuleConfig[]): void {
    this.#configs = configs;
  }

  get configs(): readonly ModuleConfig[] {
    return this.#configs;
  }

  active(name: string): number {
    return this.#active.get(name) ?? 0;
  }

  /**
   * Counts the caller in until it disposes of the use. Raises not_found, failed_precondition for a change in a read-only module, and
   * resource_exhausted where the module has as many users as it may have.
   */
  enter(name: string, access: "read" | "change"): ModuleUse {
    const config = this.#configs.find((module) => module.name === name);
    if (config === undefined) {
      throw new ConnectError(`Cannot find the module "${printablePath(name.slice(0, 200))}"`, Code.NotFound);
    }
    if (access === "change" && config.readOnly) {
      throw new ConnectError(
        `Cannot change anything in the module "${name}": it is read-only`,
        Code.FailedPrecondition,
      );
    }
    const active = this.active(name);
    if (config.connectionsMax > 0 && active >= config.connectionsMax) {
      throw new ConnectError(
        `Cannot use the module "${name}" now: it has its ${config.connectionsMax} connections`,
        Code.ResourceExhausted,
      );
    }
    this.#active.set(name, active + 1);
    let left = false;
    return {
      config,
      [Symbol.dispose]: () => {
        if (left) return;
        left = true;
        this.#leave(name);
      },
    };
  }

  #leave(name: string): void {
    const active = this.active(name) - 1;
    if (active > 0) this.#active.set(name, active);
    else this.#active.delete(name);
  }
}
