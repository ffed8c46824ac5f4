/**
 * A source that means harm: whatever a daemon answers, a pull and a fetch write nothing but what was asked for, name what was wrong,
 * and do not end as if all were well.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { create } from "@bufbuild/protobuf";
import { Kind } from "../../lib/model/entry.ts";
import type { SourceAnswer, SourceRequest } from "../../lib/wire/gen/blit/v1/source_pb.ts";
import { ListedSchema, SourceAnswerSchema } from "../../lib/wire/gen/blit/v1/source_pb.ts";
import { startDaemon } from "../support/daemon.ts";
import { type Content, testDirectory } from "../support/environment.ts";
import { assertExit } from "../support/expect.ts";
import { linux, testNeeding } from "../support/needs.ts";
import { blit } from "../support/program.ts";
import { type Twist, twistedSource } from "../support/twisted_source.ts";

interface Harm {
  /** What the source holds; the user asks for "report.txt", or for all of it. */
  readonly holds: Record<string, Content>;
  readonly verb?: "copy" | "mirror" | "move";
  readonly tree?: boolean;
  readonly twist: () => Twist;
  /** Names that may be at the destination afterwards. */
  readonly allowed?: readonly string[];
  readonly says: RegExp;
}

const report = { "report.txt": "what was asked for" };
const rest = { ".bashrc": "evil", ".ssh/authorized_keys": "evil" };

function renamed(name: string | undefined): Twist["request"] {
  const bytes = name === undefined ? undefined : new TextEncoder().encode(name);
  return (request) => {
    const { request: asked } = request;
    return asked.case === "list" && asked.value.dir === 0
      ? { ...request, request: { case: "list", value: { ...asked.value, name: bytes } } }
      : request;
  };
}

/** Changes the first listing. */
function listing(change: (entries: Uint8Array) => Uint8Array, more?: boolean): Twist["answers"] {
  let changed = false;
  return (answers) =>
    answers.map((answer) => {
      const { answer: said } = answer;
      if (said.case !== "listed" || changed) return answer;
      changed = true;
      const value = { ...said.value, entries: change(said.value.entries), more: more ?? said.value.more };
      return { ...answer, answer: { case: "listed", value } } as SourceAnswer;
    });
}

/** Puts one name into the place of another of its length. */
function patched(from: string, to: string): Twist["answers"] {
  return listing((entries) => {
    const latin = [...entries].map((byte) => String.fromCharCode(byte)).join("").replace(from, to);
    return Uint8Array.from(latin, (char) => char.charCodeAt(0));
  });
}

const makesNoSense = /makes no sense/;

/** Like a real one's: a symlink `x`, and then, in a further batch, a directory `x` with a file in it. */
function linkThenDirectory(): Twist {
  let directory: Uint8Array = new Uint8Array();
  const say = (id: number, value: Partial<SourceAnswer["answer"]["value"]>) =>
    create(SourceAnswerSchema, { id, answer: { case: "listed", value: create(ListedSchema, value as never) } });
  const answers = listing((entries) => entries, true);
  return {
    kind: Kind.Directory,
    answers: (list) => {
      for (const { answer } of list) {
        if (answer.case === "listed" && directory.length === 0) directory = answer.value.directory;
      }
      return answers!(list);
    },
    request: (request: SourceRequest, answer) => {
      const { request: asked } = request;
      if (asked.case === "list" && asked.value.more) {
        answer(say(request.id, { batch: 99, entries: plainBatch([], ["x"]) }));
      } else if (asked.case === "list" && asked.value.dir !== 0) {
        answer(say(request.id, { batch: 100, entries: plainBatch(["evil"], []), directory }));
      } else if (asked.case !== "pack" || asked.value.batch !== 100) {
        return request;
      }
    },
  };
}

/** A batch without facts (native/blit.h). */
function plainBatch(files: readonly string[], directories: readonly string[]): Uint8Array {
  const names = [...files, ...directories];
  const text = new TextEncoder().encode(names.join(""));
  const align = (n: number) => (n + 7) & ~7;
  const [ends, kinds, dstKinds] = [
    64,
    64 + align(4 * names.length),
    64 + align(4 * names.length) + align(names.length),
  ];
  const diffs = dstKinds + align(names.length);
  const at = diffs + align(2 * names.length);
  const view = new DataView(new ArrayBuffer(align(at + text.length)));
  view.setUint32(0, names.length, true);
  view.setUint32(4, text.length, true);
  view.setUint32(16, files.length, true);
  view.setUint32(20, directories.length, true);
  view.setBigUint64(56, BigInt(view.byteLength), true);
  names.forEach((_, i) => {
    view.setUint32(ends + 4 * i, names.slice(0, i + 1).join("").length, true);
    view.setUint8(kinds + i, i < files.length ? Kind.File : Kind.Directory);
  });
  new Uint8Array(view.buffer).set(text, at);
  return new Uint8Array(view.buffer);
}

/** Says of every file, in listings and when it is opened, that it has so many bytes. */
function swollen(size: bigint): Twist {
  return {
    kind: Kind.Directory,
    answers: (answers) =>
      answers.map((answer) => {
        const { answer: said } = answer;
        if (said.case === "opened") {
          const record = said.value.record.slice();
          new DataView(record.buffer).setBigUint64(48, size, true); // struct blit_record
          return { ...answer, answer: { case: "opened", value: { ...said.value, size, record } } };
        }
        if (said.case !== "listed" || said.value.entries.length === 0) return answer;
        const entries = said.value.entries.slice();
        const view = new DataView(entries.buffer);
        const [count, , , hasStat, others] = Array.from({ length: 5 }, (_, i) => view.getUint32(4 * i, true));
        const align = (n: number) => (n + 7) & ~7;
        const sizes = 64 + align(4 * count) + 2 * align(count) + align(2 * count);
        for (let i = 0; hasStat !== 0 && i < others; i++) view.setBigUint64(sizes + 8 * i, size, true);
        return { ...answer, answer: { case: "listed", value: { ...said.value, entries } } };
      }) as SourceAnswer[],
  };
}

const harms: Record<string, Harm> = {
  "lists everything beside the one file that was asked for": {
    holds: { ...report, ...rest },
    twist: () => ({ request: renamed(undefined) }),
    says: makesNoSense,
  },
  "gives another file for the one that was asked for": {
    holds: { ...report, ...rest },
    twist: () => ({ request: renamed(".bashrc") }),
    says: makesNoSense,
  },
  "gives a file of a shorter name": {
    holds: { ...report, re: "x" },
    twist: () => ({ request: renamed("re") }),
    says: makesNoSense,
  },
  "gives a file of a longer name": {
    holds: { ...report, "report.txt.sh": "x" },
    twist: () => ({ request: renamed("report.txt.sh") }),
    says: makesNoSense,
  },
  "gives a directory for a file": {
    holds: { "report.txt/.ssh/authorized_keys": "evil" },
    twist: () => ({ request: renamed(undefined) }),
    says: makesNoSense,
  },
  "announces more than the one file": {
    holds: report,
    twist: () => ({ answers: listing((entries) => entries, true) }),
    says: makesNoSense,
  },
  "lists nothing for the file": {
    holds: report,
    twist: () => ({ answers: listing(() => new Uint8Array()) }),
    says: makesNoSense,
  },
  "lists nothing, and more of it without end": {
    holds: report,
    twist: () => ({
      answers: (answers) =>
        answers.map((answer) =>
          answer.answer.case === "listed"
            ? {
              ...answer,
              answer: { case: "listed", value: { ...answer.answer.value, entries: new Uint8Array(), more: true } },
            }
            : answer
        ),
    }),
    tree: true,
    says: /a part of a listing with nothing in it/,
  },
  "lists garbage": {
    holds: report,
    twist: () => ({ answers: listing((entries) => entries.map((byte, i) => i % 7 === 0 ? byte ^ 255 : byte)) }),
    says: makesNoSense,
  },
  "lists a name that leads up": {
    holds: { "ab/evil": "x" },
    tree: true,
    twist: () => ({ answers: patched("ab", "..") }),
    says: makesNoSense,
  },
  "lists a name with a slash": {
    holds: { "a-b": "x" },
    tree: true,
    twist: () => ({ answers: patched("a-b", "a/b") }),
    says: makesNoSense,
  },
  "lists a link out, and then a directory of that name": {
    holds: { x: { to: "../outside" } },
    tree: true,
    twist: linkThenDirectory,
    allowed: ["x"],
    says: /x/,
  },
  "answers what nobody asked": {
    holds: report,
    twist: () => ({ answers: (answers) => answers.map((answer) => ({ ...answer, id: answer.id + 1000 })) }),
    says: /an answer to what nobody asked/,
  },
  "answers twice": {
    holds: report,
    twist: () => ({ answers: (answers) => [...answers, ...answers] }),
    says: /an answer to what nobody asked/,
  },
  "answers something else": {
    holds: report,
    twist: () => ({
      answers: (answers) =>
        answers.map((answer) =>
          create(SourceAnswerSchema, { id: answer.id, answer: { case: "forgotten", value: {} } })
        ),
    }),
    says: /answered "forgotten" to "listed"/,
  },
  "says of a move that something else could not be removed": {
    holds: report,
    verb: "move",
    tree: true,
    twist: () => ({
      kind: Kind.Directory,
      answers: (answers) =>
        answers.map((answer) =>
          answer.answer.case === "forgotten"
            ? create(SourceAnswerSchema, {
              id: answer.id,
              answer: { case: "forgotten", value: { errors: [{ index: 7, error: { number: 13 } }] } },
            })
            : answer
        ),
    }),
    allowed: ["report.txt"],
    says: /a failure of what it was not to remove/,
  },
  "says that a file of a few bytes has 2^62": {
    holds: report,
    tree: true,
    twist: () => swollen(1n << 62n),
    says: /report\.txt: Cannot read: the source changed/,
  },
  "says of fifty files of a few bytes that each has 2^62": {
    holds: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}`, "small"])),
    tree: true,
    twist: () => swollen(1n << 62n),
    says: /f49: Cannot read: the source changed/,
  },
};

for (const [what, harm] of Object.entries(harms)) {
  for (const way of ["pull", "fetch"] as const) {
    testNeeding([linux], `a source that ${what}: the ${way} fails and writes nothing else`, async () => {
      await using dir = await testDirectory();
      await dir.write({ home: null, "outside/file": "untouched" });
      await dir.write(
        Object.fromEntries(Object.entries(harm.holds).map(([name, content]) => [`evil/${name}`, content])),
      );
      const twist = harm.tree ? { kind: Kind.Directory, ...harm.twist() } : harm.twist();
      await using source = twistedSource(dir.at("evil"), twist);
      const from = source.place(harm.tree ? "all/" : "single/report.txt");
      const args = [harm.verb ?? "copy", "--retry", "0"];
      let result;
      if (way === "pull") result = await blit([...args, from, dir.at("home/")]);
      else {
        const config = `allow_daemons = ["127.0.0.1"]\n[[modules]]\nname = "m"\npath = "${dir.at("home")}"\n`;
        await using daemon = await startDaemon(dir, { config });
        result = await blit([...args, from, daemon.place("m/")]);
      }
      assertExit(result, 1, 2);
      assertMatch(result.stderr, harm.says);
      const allowed = harm.allowed ?? [];
      assert((await dir.names("home")).every((name) => allowed.includes(name)), String(await dir.names("home")));
      assertEquals(await dir.names("outside"), ["file"]);
      assertEquals(await dir.read("outside/file"), "untouched");
    });
  }
}
