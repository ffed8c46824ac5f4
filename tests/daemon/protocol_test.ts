/** The daemon as other clients see it: buf curl, plain HTTP, browsers. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { buf } from "../../.ci/proto.ts";
import { testDirectory } from "../support/environment.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

const schema = new URL("../../proto", import.meta.url).pathname;

/** Runs buf curl on a call, of AdminService where no service is named; its documents, one for each message. */
async function curl(daemon: TestDaemon, procedure: string, request: object, ...options: string[]) {
  const output = await new Deno.Command(Deno.execPath(), {
    args: [
      ...[
        "run",
        "--quiet",
        "-A",
        buf,
        "curl",
        "--schema",
        schema,
        "--http2-prior-knowledge",
        "--data",
        JSON.stringify(request),
      ],
      ...options,
      `http://${daemon.host}/blit.v1.${procedure.includes("/") ? procedure : `AdminService/${procedure}`}`,
    ],
    stdin: "null",
  }).output();
  const [stdout, stderr] = [output.stdout, output.stderr].map((bytes) => new TextDecoder().decode(bytes));
  const documents = stdout.split(/(?<=^\})\n/m).filter((text) => text.trim() !== "").map((text) => JSON.parse(text));
  return { success: output.success, documents, stderr };
}

for (const protocol of ["connect", "grpcweb"]) {
  Deno.test(`buf curl lists modules, entries and errors over ${protocol}`, async () => {
    await using dir = await testDirectory();
    await dir.write({ "data/hello": "12345" });
    await using daemon = await startDaemon(dir, { root: "data" });
    const modules = await curl(daemon, "ListModules", {}, "--protocol", protocol);
    assertEquals(modules.documents, [{ modules: [{ name: "default" }] }], modules.stderr);
    const listing = await curl(daemon, "List", { module: "default" }, "--protocol", protocol);
    const [entry] = listing.documents[0].entries;
    assertEquals([atob(entry.path), entry.kind, entry.size], ["hello", "ENTRY_KIND_FILE", "5"]);
    const wrong = await curl(daemon, "List", { module: "default", path: btoa("..") }, "--protocol", protocol);
    assertEquals(wrong.success, false);
    assertMatch(wrong.stderr, /"code": "invalid_argument"[^]*is not allowed/);
  });
}

Deno.test("buf curl finds a place, opens a transfer, and sees it among the jobs", async () => {
  await using dir = await testDirectory();
  await dir.write({ "data/hello": "12345" });
  await using daemon = await startDaemon(dir, { root: "data" });
  const place = await curl(daemon, "TransferService/Locate", { module: "default", path: btoa("hello") });
  assertEquals(place.documents, [{ kind: "ENTRY_KIND_FILE" }], place.stderr);
  const open = {
    ...{ protocolMajor: 1, protocolMinor: 0, direction: "DIRECTION_PULL", module: "default" },
    job: { verb: "copy", compare: "quick" },
  };
  const refused = await curl(daemon, "TransferService/Transfer", { open: { ...open, protocolMajor: 99 } });
  assertMatch(refused.stderr, /"code": "failed_precondition"[^]*the client speaks protocol 99/);
  // Whoever opens and says no more has the transfer broken off, after it was accepted.
  const accepted = await curl(daemon, "TransferService/Transfer", { open });
  const { accept } = accepted.documents[0];
  assertEquals(atob(accept.dataTransfer.oneTimeToken).length, 32, accepted.stderr);
  const jobs = await curl(daemon, "TransferService/ListJobs", {});
  assertEquals(jobs.documents[0].jobs.map(({ verb, place }: Record<string, string>) => [verb, place]), [
    ["copy", "default"],
  ]);
});

Deno.test("plain HTTP/1.1 with JSON is enough", async () => {
  await using dir = await testDirectory();
  await using daemon = await startDaemon(dir, { root: "." });
  const post = (procedure: string, body: string, headers: Record<string, string> = {}) =>
    fetch(`http://${daemon.host}/blit.v1.AdminService/${procedure}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });
  const info = await post("ServerInfo", "{}");
  assertEquals([info.status, (await info.json()).protocolMajor], [200, 1]);
  // What a newer client sends is no reason to refuse it.
  const newer = await post("ServerInfo", '{"fieldOfTomorrow": 1}');
  assertEquals(newer.status, 200);
  await newer.body?.cancel();
  const broken = await post("ServerInfo", '{"');
  assertEquals([broken.status, (await broken.json()).code], [400, "invalid_argument"]);
  const unknown = await post("NoSuchCall", "{}");
  assertEquals(unknown.status, 404);
  assert((await unknown.text()).includes("blit.v1.AdminService"));
  const page = await post("ServerInfo", "{}", { origin: "http://example.org" });
  assertEquals([page.status, (await page.json()).code], [403, "permission_denied"]);
  const get = await fetch(`http://${daemon.host}/blit.v1.AdminService/ServerInfo`);
  assertEquals(get.status, 405);
  await get.body?.cancel();
});
