/**
 * One daemon from start to end: configuration, server, announcement, signals.
 *
 * SIGTERM and SIGINT stop it (running calls get the configured grace period, a second signal ends that at once; a SIGINT that was
 * ignored at the start, as in the background of a script, still is); SIGHUP reads the configuration again. A configuration that is wrong then changes nothing and is logged.
 */

import { BlitError } from "../base/errors.ts";
import { pause } from "../base/timers.ts";
import { version } from "../base/version.ts";
import { announce, type Announcement } from "../endpoint/mdns.ts";
import { canResolveBeneath, lookBeneath, lookFor, reasonOf } from "../native/beneath.ts";
import { settlesWithin } from "../native/patience.ts";
import { ignoredAtStart } from "../native/signals.ts";
import { Calls } from "./calls.ts";
import { type ConfigFlags, type DaemonConfig, loadConfig } from "./config.ts";
import { DataPort } from "./data_port.ts";
import { JobRegistry } from "./jobs.ts";
import type { Log } from "./log.ts";
import { Modules } from "./modules.ts";
import { type RunningServer, startServer } from "./server.ts";
import { Shares } from "./shares.ts";

/** So long is waited at the end for jobs that were broken off. */
const LAST_WORK_MS = 1000;
/** How long the start waits for what its modules look like. */
const LOOK_MS = 1000;
/** How long a file system may take to answer a single question. */
const ANSWER_MS = 20_000;

export interface DaemonWorld {
  readonly log: Log;
  /** Throws what Deno throws. */
  readFile(path: string): string;
  /** Called once it accepts connections. */
  ready(address: string, port: number): void;
}

/** Returns after an orderly stop. Raises BlitError when it cannot start. */
export async function runDaemon(flags: ConfigFlags, world: DaemonWorld): Promise<void> {
  if (!canResolveBeneath()) {
    throw new BlitError(
      "failed",
      "Cannot run the daemon: the native library is missing",
      "Install a C compiler and try again.",
    );
  }
  const { log } = world;
  const signals = listenForSignals();
  const state = new State(loadConfig(flags, world.readFile), log);
  const server = startServer(state);
  try {
    state.dataPort = new DataPort(() => state.config, log);
  } catch (error) {
    await server.stop(0);
    throw error;
  }
  let announcement = announceIfWanted(state.config, server, log);
  await warnOfMissing(state.config, log);
  log.write("info", "ready", {
    address: server.address,
    port: server.port,
    data_port: state.dataPort.port,
    version,
    modules: moduleNames(state.config),
  });
  warnOfPrivileges(state.config, log);
  world.ready(server.address, server.port);

  // A server that ends in order is waited for elsewhere.
  const failure = server.finished.then(() => new Promise<never>(() => {}));
  failure.catch(() => {});
  const nextSignal = () => Promise.race([signals.next(), failure]);
  let signal = await nextSignal();
  while (signal === "SIGHUP") {
    if (reload(state, flags, world)) {
      warnOfPrivileges(state.config, log);
      await warnOfMissing(state.config, log);
      await announcement?.end();
      announcement = announceIfWanted(state.config, server, log);
    }
    signal = await nextSignal();
  }
  const graceMs = state.config.graceMs;
  log.write("info", "stopping", { signal, calls: state.calls.running.size, grace_ms: graceMs });
  const stopped = Promise.all([server.stop(graceMs).then(() => jobsToEnd(state.jobs)), announcement?.end()]);
  await Promise.race([stopped, secondSignal(signals)]);
  log.write("info", "stopped", { calls: state.calls.running.size });
  state.dataPort.close();
  signals.end();
}

/** A job that is broken off ends a moment after its call: what it has begun is put in order, and the log tells how it fared. */
async function jobsToEnd(jobs: JobRegistry): Promise<void> {
  const untilMs = performance.now() + LAST_WORK_MS;
  while (jobs.running.length > 0 && performance.now() < untilMs) await pause(10);
}

class State {
  readonly startMs = performance.now();
  readonly modules: Modules;
  readonly calls: Calls;
  readonly jobs: JobRegistry;
  readonly workers = new Shares(() => this.config.limits.workersTotal);
  readonly lanes = new Shares(() => this.config.limits.lanesTotal);
  /** Opened when the control port is. */
  dataPort!: DataPort;
  constructor(public config: DaemonConfig, readonly log: Log) {
    this.modules = new Modules(config.modules);
    lookFor(Math.min(ANSWER_MS, config.limits.stallMs));
    this.calls = new Calls(() => this.config, log);
    this.jobs = new JobRegistry(log);
  }
}

function reload(state: State, flags: ConfigFlags, world: DaemonWorld): boolean {
  const before = state.config;
  try {
    state.config = loadConfig(flags, world.readFile);
  } catch (thrown) {
    world.log.write("error", "reload_failed", { error: BlitError.from(thrown).message });
    return false;
  }
  const { config } = state;
  state.modules.replace(config.modules);
  lookFor(Math.min(ANSWER_MS, config.limits.stallMs));
  world.log.write("info", "reloaded", { modules: moduleNames(config) });
  const fixed = (["bind", "port"] as const).filter((key) => config[key] !== before[key]);
  if (config.limits.messageBytes !== before.limits.messageBytes) {
    world.log.write("warning", "restart_needed", { keys: [...fixed, "limits.message_bytes"].join(",") });
  } else if (fixed.length > 0) {
    world.log.write("warning", "restart_needed", { keys: fixed.join(",") });
  }
  return true;
}

function moduleNames(config: DaemonConfig): string {
  return config.modules.map(({ name }) => name).join(",");
}

/** A module may be a disk that comes later: worth a word, no reason not to start, nor to wait for one that does not answer. */
async function warnOfMissing(config: DaemonConfig, log: Log): Promise<void> {
  const looking = Promise.all(config.modules.map(async ({ name, path }) => {
    try {
      await lookBeneath(path, "");
    } catch (error) {
      log.write("warning", "module_unavailable", { module: name, path, error: reasonOf(error)?.words });
    }
  }));
  await settlesWithin(looking, LOOK_MS);
}

function warnOfPrivileges(config: DaemonConfig, log: Log): void {
  const modules = config.modules.filter(({ privileged, readOnly }) => privileged && !readOnly);
  if (modules.length === 0) return;
  log.write("warning", "privileged", {
    modules: modules.map(({ name }) => name).join(","),
    meaning: "whoever may write there can place set-id programs and devices, and so get this daemon's rights",
  });
}

function announceIfWanted(config: DaemonConfig, { port }: RunningServer, log: Log): Announcement | undefined {
  if (!config.mdns) return undefined;
  const modules = config.modules.map(({ name }) => name);
  const logged = new Set<string>();
  return announce({ port, version, modules }, ({ message }) => {
    if (!logged.has(message)) log.write("warning", "mdns", { error: message });
    logged.add(message);
  });
}

interface Signals {
  next(): Promise<Deno.Signal>;
  end(): void;
}

function listenForSignals(): Signals {
  const wanted: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT", "SIGBREAK"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  const arrived: Deno.Signal[] = [];
  let wake = () => {};
  const ignored = ignoredAtStart();
  const handlers = wanted.map((signal) => {
    const handler = () => {
      if (signal === "SIGINT" && ignored.has(signal)) return;
      arrived.push(signal);
      wake();
    };
    Deno.addSignalListener(signal, handler);
    return [signal, handler] as const;
  });
  return {
    async next() {
      while (arrived.length === 0) await new Promise<void>((resolve) => wake = resolve);
      return arrived.shift()!;
    },
    end: () => handlers.forEach(([signal, handler]) => Deno.removeSignalListener(signal, handler)),
  };
}

async function secondSignal(signals: Signals): Promise<void> {
  while (await signals.next() === "SIGHUP");
}
