import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Answer, Engine, EngineError, EntryBatch, LargeAnswer } from "../../lib/native/engine.ts";
import { DirNode } from "../../lib/session/dir_node.ts";
import { LargeFiles } from "../../lib/session/large_files.ts";

const MIB = 1 << 20;
const error: EngineError = { code: "EIO", message: "Cannot read: input/output error" };
const node = new DirNode(7, undefined, "source", true, false);
const batch = {} as EntryBatch;

interface Range {
  readonly offset: number;
  readonly length: number;
  readonly answer: (answer: Answer) => void;
}

/** An engine whose answers come when the test says so. */
class FakeEngine {
  readonly ranges: Range[] = [];
  readonly taken: Range[] = [];
  readonly finished: boolean[] = [];
  finishAnswer: Answer = { lost: 0 };

  constructor(private readonly opened: LargeAnswer) {}

  openLarge(dir: number, from: EntryBatch, index: number, done: (answer: LargeAnswer) => void): void {
    assertEquals([dir, from, index], [7, batch, 3]);
    done(this.opened);
  }

  copyRange(dir: number, handle: bigint, offset: number, length: number, answer: (answer: Answer) => void): void {
    assertEquals([dir, handle], [7, 99n]);
    assertEquals(this.finished, []);
    this.ranges.push({ offset, length, answer });
  }

  finishLarge(dir: number, handle: bigint, commit: boolean, done: (answer: Answer) => void): void {
    assertEquals([dir, handle], [7, 99n]);
    assertEquals(this.ranges.length, 0, "no range is under way when the file is finished");
    this.finished.push(commit);
    done(this.finishAnswer);
  }

  /** Answers the `at`th range that is under way. */
  answer(at: number, answer: Answer = { lost: 0 }): void {
    const [range] = this.ranges.splice(at, 1);
    this.taken.push(range);
    range.answer(answer);
  }
}

interface Outcome {
  readonly engine: FakeEngine;
  readonly done: [EngineError | undefined, number][];
  readonly lost: number[];
}

function copy(opened: LargeAnswer, workers = 2): Outcome {
  const engine = new FakeEngine(opened);
  const lost: number[] = [];
  const done: [EngineError | undefined, number][] = [];
  const files = new LargeFiles(engine as unknown as Engine, workers, 64 << 20, (bits) => lost.push(bits));
  files.copy(node, batch, 3, (...outcome) => done.push(outcome));
  return { engine, done, lost };
}

Deno.test("the ranges cover the file once, in any order of answers, and few are handed out at a time", () => {
  const sizes = fc.oneof(fc.integer({ min: 1, max: 100 * MIB }), fc.integer({ min: 1, max: 5000 }).map((n) => n * MIB));
  fc.assert(fc.property(sizes, fc.integer({ min: 1, max: 24 }), fc.nat(), (size, workers, seed) => {
    const { engine, done } = copy({ lost: 0, size, handle: 99n }, workers);
    for (let step = seed; engine.ranges.length > 0; step = step * 31 + 7 & 0xffff) {
      assert(engine.ranges.length <= workers * 2);
      assertEquals(done, []);
      engine.answer(step % engine.ranges.length);
    }
    let at = 0;
    for (const { offset, length } of engine.taken.sort((a, b) => a.offset - b.offset)) {
      assertEquals(offset, at);
      assert(length > 0 && length <= 64 * MIB);
      at += length;
    }
    assertEquals(at, size);
    assertEquals(engine.finished, [true]);
    assertEquals(done, [[undefined, size]]);
  }));
});

Deno.test("a hole is one range, however long it is, and what was handed out before is not handed out again", () => {
  const size = 7 * 2 ** 60;
  const { engine, done } = copy({ lost: 0, size, handle: 99n });
  const last = size - 4096;
  const first = engine.ranges[0];
  engine.answer(0, { lost: 0, hole: last - first.length } as Answer);
  while (engine.ranges.length > 0) engine.answer(engine.ranges.length - 1);
  assert(engine.taken.length < 20, `${engine.taken.length} ranges`);
  let at = 0;
  for (const { offset, length } of engine.taken.sort((a, b) => a.offset - b.offset)) {
    assertEquals(offset, at);
    at += length;
  }
  // The last bytes of such a size no number holds: the engine knows them.
  assertEquals([at >= size, at - size < 65536], [true, true]);
  assertEquals(done, [[undefined, size]]);
});

Deno.test("a hole that is told beyond the end does not lead there", () => {
  const { engine } = copy({ lost: 0, size: 1000 * MIB, handle: 99n }, 1);
  engine.answer(0, { lost: 0, hole: 2 ** 60 } as Answer);
  while (engine.ranges.length > 0) engine.answer(0);
  assertEquals(engine.taken.reduce((sum, { length }) => sum + length, 0), 1000 * MIB);
});

Deno.test("every worker gets a share of a file that is worth it", () => {
  const { engine } = copy({ lost: 0, size: 256 * MIB, handle: 99n }, 4);
  assert(engine.ranges.length >= 4);
});

Deno.test("after a failed range no new one begins; the others are waited for and the file is given up", () => {
  const { engine, done } = copy({ lost: 0, size: 1000 * MIB, handle: 99n }, 2);
  const underWay = engine.ranges.length;
  engine.answer(1, { lost: 0, error });
  assertEquals(engine.ranges.length, underWay - 1);
  engine.answer(0, { lost: 0, error: { code: "later", message: "" } });
  while (engine.ranges.length > 0) {
    assertEquals(done, []);
    engine.answer(0);
  }
  assertEquals(engine.finished, [false]);
  assertEquals(done, [[error, 1000 * MIB]]);
});

Deno.test("a file that cannot be opened, or whose extents were shared, has no ranges", () => {
  const refused = copy({ lost: 0, size: 5, error });
  assertEquals([refused.done, refused.engine.finished], [[[error, 5]], []]);
  const cloned = copy({ lost: 4, size: 20 * MIB });
  assertEquals([cloned.done, cloned.engine.finished, cloned.lost], [[[undefined, 20 * MIB]], [], [4]]);
});

Deno.test("a file that cannot be put in place is a failure, and what was lost is told", () => {
  const { engine, done, lost } = copy({ lost: 1, size: MIB, handle: 99n });
  engine.finishAnswer = { lost: 2, error };
  while (engine.ranges.length > 0) engine.answer(0);
  assertEquals(done, [[error, MIB]]);
  assertEquals(lost.filter((bits) => bits > 0), [1, 2]);
});

Deno.test("with enough large files fewer ranges of one are handed out, so that each worker gets a file of its own", () => {
  const engine = new FakeEngine({ lost: 0, size: 256 * MIB, handle: 99n });
  const files = new LargeFiles(engine as unknown as Engine, 2, 64 << 20, () => {});
  const underWay: number[] = [];
  for (let count = 0; count < 5; count++) {
    const before = engine.ranges.length;
    files.copy(node, batch, 3, () => {});
    underWay.push(engine.ranges.length - before);
  }
  assertEquals(underWay, [4, 2, 2, 1, 1]);
  assertEquals(engine.ranges.map(({ length }) => length / MIB), [16, 16, 16, 16, 16, 16, 16, 16, 16, 16]);
});

Deno.test("ranges that come quickly grow, slow ones shrink, each within its bounds", () => {
  const engine = new FakeEngine({ lost: 0, size: 2 ** 40, handle: 99n });
  let nowMs = 0;
  const files = new LargeFiles(engine as unknown as Engine, 2, 64 << 20, () => {}, () => nowMs);
  files.copy(node, batch, 3, () => {});
  const newest = (tookMs: number, rounds: number) => {
    for (let round = 0; round < rounds; round++) {
      nowMs += tookMs;
      for (let answers = engine.ranges.length; answers > 0; answers--) engine.answer(0);
    }
    return engine.ranges[engine.ranges.length - 1].length / MIB;
  };
  assertEquals(newest(0, 0), 16);
  assertEquals([newest(1000, 2), newest(10, 1), newest(10, 9)], [16, 32, 64]);
  assertEquals([newest(3000, 1), newest(3000, 9)], [4, 4]);
  assertEquals(newest(10, 9), 64);
});
