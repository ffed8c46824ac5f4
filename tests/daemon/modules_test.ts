import { assertEquals, assertThrows } from "@std/assert";
import { Code, ConnectError } from "@connectrpc/connect";
import type { ModuleConfig } from "../../lib/daemon/config.ts";
import { Modules } from "../../lib/daemon/modules.ts";

const base: ModuleConfig = {
  name: "data",
  path: "/data",
  readOnly: false,
  privileged: false,
  comment: "",
  connectionsMax: 0,
};

function codeOf(enter: () => unknown): Code {
  return assertThrows(enter, ConnectError).code;
}

Deno.test("an unknown module, a change in a read-only one, and one user too many are refused", () => {
  const modules = new Modules([{ ...base, connectionsMax: 2 }, { ...base, name: "old", readOnly: true }]);
  assertEquals(codeOf(() => modules.enter("none", "read")), Code.NotFound);
  assertEquals(codeOf(() => modules.enter("old", "change")), Code.FailedPrecondition);
  modules.enter("old", "read")[Symbol.dispose]();
  using _first = modules.enter("data", "read");
  {
    using _second = modules.enter("data", "change");
    assertEquals(codeOf(() => modules.enter("data", "read")), Code.ResourceExhausted);
    assertEquals(modules.active("data"), 2);
  }
  using _third = modules.enter("data", "read");
});

Deno.test("a user counts once, however often the use is given back", () => {
  const modules = new Modules([base]);
  const first = modules.enter("data", "read");
  using _second = modules.enter("data", "read");
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  assertEquals(modules.active("data"), 1);
});

Deno.test("after a reload running uses keep their module and still count", () => {
  const modules = new Modules([base]);
  const use = modules.enter("data", "change");
  modules.replace([{ ...base, path: "/other", connectionsMax: 1 }]);
  assertEquals(use.config.path, "/data");
  assertEquals(codeOf(() => modules.enter("data", "read")), Code.ResourceExhausted);
  use[Symbol.dispose]();
  using again = modules.enter("data", "read");
  assertEquals(again.config.path, "/other");
  modules.replace([]);
  assertEquals(codeOf(() => modules.enter("data", "read")), Code.NotFound);
});
