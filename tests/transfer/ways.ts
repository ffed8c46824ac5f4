/**
 * The ways a tree can take from one machine to another, for tests that shall hold for all of them: pushed, pulled or fetched from daemon
 * to daemon, over connections of their own or inside the control channel. Two real processes over real sockets, or three.
 */

import { type DaemonOptions, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { type TestDirectory, testDirectory } from "../support/environment.ts";
import { blitJson, type JsonResult } from "../support/program.ts";

export interface Way {
  readonly name: string;
  /** Which of the two paths are at the daemon. */
  readonly remote: "source" | "destination" | "both";
  readonly inline: boolean;
}

const lanes: Way[] = [
  { name: "pushed", remote: "destination", inline: false },
  { name: "pulled", remote: "source", inline: false },
  { name: "fetched by a daemon from a daemon", remote: "both", inline: false },
];

export const ways: readonly Way[] = [
  ...lanes,
  { name: "pushed inside the control channel", remote: "destination", inline: true },
  { name: "pulled inside the control channel", remote: "source", inline: true },
];

/** Without what differs only in how the bytes travel. */
export const directions: readonly Way[] = lanes;

/** A directory whose content a daemon exports as "default", and jobs in it. Its history is off. */
export class Scene implements AsyncDisposable {
  private constructor(readonly way: Way, readonly dir: TestDirectory, readonly daemon: TestDaemon) {}

  static async open(way: Way, options: Pick<DaemonOptions, "wrapper"> = {}): Promise<Scene> {
    const dir = await testDirectory();
    const config = `allow_daemons = ["127.0.0.1"]\n[[modules]]\nname = "default"\npath = "$DIR"\nprivileged = true\n`;
    return new Scene(way, dir, await startDaemon(dir, { config, ...options }));
  }

  /** How the path, relative to the directory, is typed. */
  source(path: string): string {
    return this.way.remote === "destination" ? this.dir.at(path) : this.daemon.place(`default/${path}`);
  }

  destination(path: string): string {
    return this.way.remote === "source" ? this.dir.at(path) : this.daemon.place(`default/${path}`);
  }

  /** `blit VERB SOURCE DESTINATION`, with further options. */
  run(verb: string, source: string, destination: string, ...options: string[]): Promise<JsonResult> {
    const carrier = this.way.inline ? ["--force-inline"] : [];
    return blitJson([verb, this.source(source), this.destination(destination), ...carrier, ...options]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
    await this.dir[Symbol.asyncDispose]();
  }
}
