import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { lineLog } from "../../lib/daemon/log.ts";
import { parseLog } from "../support/daemon.ts";

function lines(...calls: Parameters<ReturnType<typeof lineLog>["write"]>[]): string[] {
  const written: string[] = [];
  const log = lineLog((line) => written.push(line), () => new Date(0));
  for (const call of calls) log.write(...call);
  return written;
}

Deno.test("an event is one line of pairs; values that need it are quoted, undefined ones left out", () => {
  assertEquals(lines(["info", "call", { client: "::1", ms: 5, error: 'a "b" c', none: undefined, empty: "" }]), [
    'time=1970-01-01T00:00:00.000Z level=info event=call client=::1 ms=5 error="a \\"b\\" c" empty=""',
  ]);
});

Deno.test("no value can make a line of its own or pass for another key", () => {
  const text = fc.string({
    unit: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\n", "\r", '"', "=", " ", "\u2028", "\x1b", "\x7f")),
  });
  fc.assert(fc.property(text, (value) => {
    const [line] = lines(["warning", "x", { value }]);
    // deno-lint-ignore no-control-regex
    assertEquals(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(line), false);
    assertEquals(parseLog(line), [{ time: "1970-01-01T00:00:00.000Z", level: "warning", event: "x", value }]);
  }));
});
