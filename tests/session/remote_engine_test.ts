import { assertEquals } from "@std/assert";
import { create } from "@bufbuild/protobuf";
import { BlitError } from "../../lib/base/errors.ts";
import type { DestinationEngine } from "../../lib/native/destination_engine.ts";
import type { Answer, EntryBatch, ListAnswer, ListRequest, SettleRequest } from "../../lib/native/engine.ts";
import { RemoteEngine } from "../../lib/session/remote_engine.ts";
import { SourceAnswersSchema, type SourceRequest } from "../../lib/wire/gen/blit/v1/source_pb.ts";

const sourceBatch = 7;

/** A destination that finds this of the source's one directory, and the numbers of batches that the source is told to forget. */
async function listWith(found: { others: number; dirs: number; extras: number } | undefined) {
  let freed = () => {};
  const batch = found && { ...found, whenFreed: (callback: () => void) => freed = callback };
  const here = {
    listRemote: (_request: ListRequest, _remote: unknown, done: (answer: ListAnswer) => void) =>
      done({ batch: batch as unknown as EntryBatch, lost: 0, more: false }),
    dispatch: () => false,
    flush() {},
    wait: () => Promise.resolve(),
  };
  const forgotten: number[] = [];
  const engine = new RemoteEngine(here as unknown as DestinationEngine, {
    move: false,
    plainAttributes: false,
    ask: ({ requests }) => requests.forEach(answer),
  });
  function answer({ id, request }: SourceRequest): void {
    if (request.case === "release") forgotten.push(...request.value.batches);
    if (request.case !== "list") return;
    const value = { batch: sourceBatch, entries: new Uint8Array(1) };
    engine.handle(create(SourceAnswersSchema, { answers: [{ id, answer: { case: "listed", value } }] }));
  }
  const request = { dir: 0, onSource: true, onDestination: true, stat: false, more: false } as ListRequest;
  engine.list(request, () => {});
  await engine.drain();
  return { forgotten, free: () => freed(), engine };
}

Deno.test("the source forgets a listing of which nothing differs", async () => {
  assertEquals((await listWith(undefined)).forgotten, [sourceBatch]);
});

Deno.test("the source forgets a listing of which nothing is wanted, while its directory waits for deletions", async () => {
  assertEquals((await listWith({ others: 0, dirs: 0, extras: 3 })).forgotten, [sourceBatch]);
});

Deno.test("the source keeps a listing until nothing of it is under way", async () => {
  for (const found of [{ others: 1, dirs: 0, extras: 0 }, { others: 0, dirs: 1, extras: 2 }]) {
    const { forgotten, free, engine } = await listWith(found);
    assertEquals(forgotten, []);
    free();
    await engine.drain();
    assertEquals(forgotten, [sourceBatch]);
  }
});

Deno.test("the source of a move forgets a directory that could not be settled, and keeps it", async () => {
  const left: { dir: number; remove: boolean; drop: boolean }[] = [];
  const here = {
    listRemote: (_request: ListRequest, _remote: unknown, done: (answer: ListAnswer) => void) =>
      done({ lost: 0, more: false }),
    settle: (_request: SettleRequest, done: (answer: Answer) => void) =>
      done({ lost: 0, error: { code: "EIO", message: "Cannot set the mode: input/output error" } }),
    stands: (_dir: number, done: (stands: boolean) => void) => done(true),
    dispatch: () => false,
    flush() {},
    wait: () => Promise.resolve(),
  };
  const engine = new RemoteEngine(here as unknown as DestinationEngine, {
    move: true,
    plainAttributes: false,
    ask: ({ requests }) =>
      requests.forEach(({ id, request }) => {
        if (request.case === "leave") left.push(request.value);
        if (request.case !== "list") return;
        const value = { entries: new Uint8Array(1) };
        engine.handle(create(SourceAnswersSchema, { answers: [{ id, answer: { case: "listed", value } }] }));
      }),
  });
  const answers: Answer[] = [];
  engine.list({ dir: 3, onSource: true, onDestination: true, stat: false, more: false } as ListRequest, () => {});
  await engine.drain();
  engine.settle({ dir: 3, what: "metadata", removeSource: true, drop: true }, (answer) => answers.push(answer));
  await engine.drain();
  assertEquals(answers.map(({ error }) => error?.code), ["EIO"]);
  // Else the source would wait for it with the directory above, and the run would never end.
  assertEquals(left.map(({ dir, remove, drop }) => ({ dir, remove, drop })), [{ dir: 3, remove: false, drop: true }]);
});

Deno.test("a connection that is lost while the source's root is being removed is a failure of that root alone", async () => {
  let asked = () => {};
  const leaving = new Promise<void>((resolve) => asked = resolve);
  const here = {
    stands: (_dir: number, done: (stands: boolean) => void) => done(true),
    dispatch: () => false,
    flush() {},
    wait: () => new Promise<void>(() => {}),
  };
  const engine = new RemoteEngine(here as unknown as DestinationEngine, {
    move: true,
    plainAttributes: false,
    ask: ({ requests }) => {
      assertEquals(requests.map(({ request }) => request.case), ["leave"]);
      asked();
    },
  });
  const errors: (string | undefined)[] = [];
  engine.removeRoot((error) => errors.push(error?.message));
  const drained = engine.drain();
  await leaving;
  engine.lost(new BlitError("failed", "No answer for 60 s"));
  await drained; // else the run would be begun anew, and find no source
  assertEquals(errors, ["Cannot remove the source: No answer for 60 s"]);
});
