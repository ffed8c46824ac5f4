import { assertEquals } from "@std/assert";
import { Recorder, screenOn } from "./sample.ts";

const clear = "\r\x1b[K";

Deno.test("lines are collected until the flush", () => {
  const { screen, stdout } = screenOn();
  screen.line("a");
  screen.write("b");
  assertEquals(stdout.text, "");
  screen.flush();
  screen.flush();
  assertEquals(stdout.log, ["a\nb"]);
});

Deno.test("a full buffer is written without being asked", () => {
  const { screen, stdout } = screenOn();
  const line = "x".repeat(999);
  for (let i = 0; i < 100; i++) screen.line(line);
  assertEquals(stdout.text.length, 66_000);
  screen.flush();
  assertEquals(stdout.text.length, 100_000);
});

Deno.test("both streams keep the order of the calls", () => {
  const log: string[] = [];
  const { screen } = screenOn(new Recorder(false, log), new Recorder(false, log));
  screen.line("one");
  screen.errorLine("two");
  screen.line("three");
  screen.flush();
  assertEquals(log, ["one\n", "two\n", "three\n"]);
});

Deno.test("the live line is cleared before any line that appears on the same terminal", () => {
  const log: string[] = [];
  const { screen } = screenOn(new Recorder(true, log), new Recorder(true, log));
  screen.showLive(["live"], 80);
  screen.line("out");
  screen.flush();
  screen.showLive(["live"], 80);
  screen.errorLine("error");
  screen.clearLive();
  assertEquals(log, [`${clear}live`, clear, "out\n", `${clear}live`, clear, "error\n"]);
});

Deno.test("standard output in a file leaves the live line alone", () => {
  const log: string[] = [];
  const { screen } = screenOn(new Recorder(false, log), new Recorder(true, log));
  screen.showLive(["live"], 80);
  screen.line("out");
  screen.flush();
  assertEquals(log, [`${clear}live`, "out\n"]);
});

Deno.test("a live line that a narrower terminal has wrapped is cleared whole", () => {
  const { screen, stderr } = screenOn(new Recorder(), new Recorder(true));
  screen.showLive(["x".repeat(79)], 80);
  stderr.text = "";
  screen.showLive(["short"], 40);
  assertEquals(stderr.text, "\x1b[1A\r\x1b[Jshort");
  stderr.text = "";
  screen.showLive(["short"], 30);
  assertEquals(stderr.text, `${clear}short`);
});

Deno.test("a live block is replaced and cleared from its first line on", () => {
  const { screen, stderr } = screenOn(new Recorder(), new Recorder(true));
  screen.showLive(["one", "two", "three"], 80);
  screen.showLive(["four", "five"], 80);
  screen.clearLive();
  screen.clearLive();
  assertEquals(stderr.log, [`${clear}one\ntwo\nthree`, "\x1b[2A\r\x1b[Jfour\nfive", "\x1b[1A\r\x1b[J"]);
});

Deno.test("a live block that a narrower terminal has wrapped is cleared whole, empty lines and wide characters too", () => {
  const { screen, stderr } = screenOn(new Recorder(), new Recorder(true));
  // 79, 0 and 60 cells: two, one and two rows of 40.
  screen.showLive(["x".repeat(79), "", "日".repeat(30)], 80);
  stderr.text = "";
  screen.showLive(["short"], 40);
  assertEquals(stderr.text, "\x1b[4A\r\x1b[Jshort");
});
