/**
 * A daemon as its users start it: a process of its own on a free port of the loopback, gone when the test is.
 *
 *     await using daemon = await startDaemon(dir, { root: "data" });
 */

import { type Client, createClient } from "@connectrpc/connect";
import { type ControlChannel, openControlChannel } from "../../lib/carrier/control.ts";
import { AdminService } from "../../lib/wire/gen/blit/v1/admin_pb.ts";
import type { TestDirectory } from "./environment.ts";
import { blit, type Result, type RunningProgram, startBlit, until } from "./program.ts";

export interface DaemonOptions {
  /** A directory of the test's, exported as "default". */
  readonly root?: string;
  /** Text of a configuration file; "$DIR" stands for the test's directory. */
  readonly config?: string;
  readonly args?: readonly string[];
  /** Address to listen on; "" for all of them, which is reachable for everybody. */
  readonly bind?: string;
  readonly env?: Record<string, string>;
  /** Words put before the program. */
  readonly wrapper?: readonly string[];
  /** As an ordinary user, where the tests run as root. */
  readonly unprivileged?: boolean;
  /** Without coverage, which takes memory for everything that ever ran. */
  readonly unmeasured?: boolean;
}

export type LogRecord = Readonly<Record<string, string>>;

export class TestDaemon implements AsyncDisposable {
  readonly #channels: ControlChannel[] = [];

  constructor(
    readonly program: RunningProgram,
    readonly port: number,
    private readonly configPath: string | undefined,
  ) {}

  /** "127.0.0.1:PORT", as the commands take it. */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** "127.0.0.1:PORT:/module/path" */
  place(path: string): string {
    return `${this.host}:/${path}`;
  }

  /** A client with a connection of its own. */
  client(): Client<typeof AdminService> {
    const channel = openControlChannel({ host: "127.0.0.1", port: this.port });
    this.#channels.push(channel);
    return createClient(AdminService, channel.transport);
  }

  /** Closes the connections of all clients. */
  closeClients(): void {
    for (const channel of this.#channels.splice(0)) channel[Symbol.dispose]();
  }

  /** Runs a command of blit to the end. */
  run(...args: string[]): Promise<Result> {
    return blit(args);
  }

  /** Events logged so far, by name. */
  events(name: string): LogRecord[] {
    return parseLog(this.program.errorOutput()).filter((record) => record.event === name);
  }

  /** Waits until that many events of that name are logged; the last of them. */
  async event(name: string, count = 1): Promise<LogRecord> {
    await until(() => this.events(name).length >= count, `${count} events "${name}" in\n${this.program.errorOutput()}`);
    return this.events(name)[count - 1];
  }

  async reconfigure(config: string): Promise<void> {
    await Deno.writeTextFile(this.configPath!, config);
    this.program.kill("SIGHUP");
  }

  /** Open descriptors of the process. */
  descriptors(): number {
    return [...Deno.readDirSync(`/proc/${this.program.pid}/fd`)].length;
  }

  /** Open descriptors but for connections to the control port: how long those stay is their clients' affair. */
  ownDescriptors(): number {
    const port = this.port.toString(16).toUpperCase().padStart(4, "0");
    const tables = ["tcp", "tcp6"].map((name) => Deno.readTextFileSync(`/proc/${this.program.pid}/net/${name}`));
    const established = new RegExp(`^ *\\d+: \\S+:${port} \\S+ 01 .*? \\d+ +\\d+ (\\d+) `, "gm");
    const calling = new Set(tables.flatMap((table) => [...table.matchAll(established)].map(([, inode]) => inode)));
    const folder = `/proc/${this.program.pid}/fd`;
    return [...Deno.readDirSync(folder)].filter(({ name }) => {
      try {
        const inode = /^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(`${folder}/${name}`))?.[1];
        return inode === undefined || !calling.has(inode);
      } catch {
        return false; // closed meanwhile
      }
    }).length;
  }

  /** Bytes of the process that are in memory. */
  memory(): number {
    const status = Deno.readTextFileSync(`/proc/${this.program.pid}/status`);
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closeClients();
    this.program.kill("SIGTERM");
    const killing = setTimeout(() => this.program.kill("SIGKILL"), 3000);
    await this.program.result;
    clearTimeout(killing);
  }
}

/** Resolves when it is ready. Announces nothing. */
export async function startDaemon(dir: TestDirectory, options: DaemonOptions): Promise<TestDaemon> {
  const configPath = options.config === undefined ? undefined : dir.at("daemon.toml");
  if (configPath !== undefined) await Deno.writeTextFile(configPath, options.config!.replaceAll("$DIR", dir.path));
  const program = await startBlit([
    "daemon",
    ...["--port", "0", "--no-mdns"],
    ...(options.bind === "" ? [] : ["--bind", options.bind ?? "127.0.0.1"]),
    ...(configPath === undefined ? [] : ["--config", configPath]),
    ...(options.root === undefined ? [] : ["--root", dir.at(options.root)]),
    ...(options.args ?? []),
  ], {
    env: options.env,
    wrapper: options.wrapper,
    unmeasured: options.unmeasured,
    unprivileged: options.unprivileged,
  });
  const ready = /^blit daemon ready on \S+:(\d+)\n/;
  let ended = false;
  void program.result.then(() => ended = true, () => ended = true);
  await until(() => ended || ready.test(program.output()), "the daemon's ready line");
  const port = ready.exec(program.output())?.[1];
  if (port === undefined) throw new Error(`The daemon did not start: ${program.errorOutput()}`);
  return new TestDaemon(program, Number(port), configPath);
}

/** Each line of a logfmt log; throws on a line that is none. */
export function parseLog(text: string): LogRecord[] {
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const record: Record<string, string> = {};
    const rest = line.replace(/([a-z_]+)=("(?:[^"\\]|\\.)*"|[^\s"=]+)(?: |$)/g, (_, key, value) => {
      record[key] = value.startsWith('"') ? JSON.parse(value) : value;
      return "";
    });
    if (rest !== "") throw new Error(`Not a line of a log: ${line}`);
    return record;
  });
}
