/**
 * AdminService.Remove. A tree is emptied from below: what is no directory goes while its directory is being listed, the directory after
 * everything in it. Every removal is relative to a directory that was reached beneath the module (native/walk.c), so whatever is swapped
 * in meanwhile, nothing outside is touched.
 */

import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { pathFromBytes, pathToBytes } from "../base/path_bytes.ts";
import { type EntryError, type Listed, lookBeneath, reasonOf, removeBeneath } from "../native/beneath.ts";
import { Kind } from "../model/entry.ts";
import { type RemoveRequest, type RemoveResponse, RemoveResponseSchema } from "../wire/gen/blit/v1/admin_pb.ts";
import type { Failure } from "../wire/gen/blit/v1/entry_pb.ts";
import { failureMessage } from "./entries.ts";
import { enterPlace, joinPath, type Place } from "./place.ts";
import type { DaemonState } from "./state.ts";
import { asStatus } from "./status.ts";
import { TreeWalk } from "./walk.ts";

const messageEveryMs = 500;
const failuresPerMessage = 500;

export async function* remove(
  daemon: DaemonState,
  request: RemoveRequest,
  context: HandlerContext,
): AsyncGenerator<RemoveResponse> {
  using place = enterPlace(daemon.modules, context, request, "change");
  if (place.path === "") {
    throw new ConnectError(`Cannot remove the module "${request.module}" itself`, Code.InvalidArgument);
  }
  let itself: Listed;
  try {
    itself = await lookBeneath(place.root, place.path);
  } catch (error) {
    throw asStatus("remove", place.shown(), error);
  }
  const run = new Removal(place);
  if (itself.kind === Kind.Directory && request.recursive) {
    let sentMs = performance.now();
    using tree = new TreeWalk(place.root, place.path, context.signal);
    for await (const step of tree.steps()) {
      if (step.is === "failed") run.fail(step.directory, "read the directory", step.reason);
      if (step.is === "entries") {
        const { directory, depth, entries } = step;
        const others = entries.filter(({ kind }) => kind !== Kind.Directory).map(({ name }) => name);
        const told = (name: string) => joinPath(directory, name);
        if (others.length > 0) await run.attempt(others, "others", told, () => tree.remove(depth, others, "others"));
      }
      if (step.is === "left" && step.depth > 0) {
        const { directory, depth, name } = step;
        await run.attempt([name], "directories", () => directory, () => tree.remove(depth - 1, [name], "directories"));
      }
      if (run.failures.length >= failuresPerMessage || performance.now() - sentMs > messageEveryMs) {
        yield run.message();
        sentMs = performance.now();
      }
    }
  }
  await run.removeItself(itself.kind === Kind.Directory ? "directories" : "others");
  yield run.message();
}

class Removal {
  failures: Failure[] = [];
  #files = 0;
  #directories = 0;
  #failed = 0;

  constructor(private readonly place: Place) {}

  async removeItself(kind: "directories" | "others"): Promise<void> {
    const [above, name] = splitPath(this.place.path);
    await this.attempt([name], kind, () => "", () => removeBeneath(this.place.root, above, [name], kind));
  }

  fail(path: string, action: string, reason: EntryError): void {
    this.#failed++;
    this.failures.push(failureMessage(path, action, reason));
  }

  message(): RemoveResponse {
    const { failures } = this;
    this.failures = [];
    return create(RemoveResponseSchema, {
      filesRemoved: BigInt(this.#files),
      directoriesRemoved: BigInt(this.#directories),
      failures,
    });
  }

  /** `told` gives the path that the client is told for a name. */
  async attempt(
    names: readonly Uint8Array[],
    kind: "directories" | "others",
    told: (name: string) => string,
    remove: () => Promise<(EntryError | undefined)[]>,
  ): Promise<void> {
    const errors = await remove().catch((error) => {
      const reason = reasonOf(error);
      if (reason === undefined) throw error;
      return names.map(() => reason);
    });
    errors.forEach((reason, index) => {
      if (reason === undefined && kind === "directories") this.#directories++;
      else if (reason === undefined) this.#files++;
      else if (!this.#isConsequence(reason)) this.fail(told(pathFromBytes(names[index])), "remove", reason);
    });
  }

  /** Somebody else removed it, or what is in the way has been told already. */
  #isConsequence({ code }: EntryError): boolean {
    return code === "ENOENT" || (code === "ENOTEMPTY" && this.#failed > 0);
  }
}

function splitPath(path: string): [directory: string, name: Uint8Array] {
  const slash = path.lastIndexOf("/");
  return [path.slice(0, Math.max(slash, 0)), pathToBytes(path.slice(slash + 1))];
}
