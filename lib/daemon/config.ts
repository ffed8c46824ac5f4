/**
 * The daemon's configuration: a TOML file, flags that override it, and the defaults. Everything wrong with it raises one usage error of
 * one line that names file and key. Reads the file through `readFile` and touches nothing else.
 */

import { parse } from "@std/toml";
import { usageError } from "../base/errors.ts";
import { printablePath } from "../base/path_bytes.ts";
import { PATIENCE_MS } from "../carrier/liveness.ts";
import { DEFAULT_PORT } from "../endpoint/remote.ts";
import { processorCount } from "../tune/machine.ts";
import { ConfigTable } from "./config_table.ts";
import { type AllowRule, type Network, parseNetwork } from "./networks.ts";

export interface ModuleConfig {
  readonly name: string;
  /** Absolute; need not exist yet. */
  readonly path: string;
  readonly readOnly: boolean;
  /** Clients may place set-id bits, device nodes, and attributes in security.* and trusted.*. */
  readonly privileged: boolean;
  readonly comment: string;
  /** Most calls that may use it at once; 0: no limit. */
  readonly connectionsMax: number;
}

export interface Limits {
  /** Transfers that run at once; and as many other calls. */
  readonly sessions: number;
  /** Connections to the control port, with and without calls; never more than half of the process's descriptors. */
  readonly connections: number;
  /** TCP connections of one transfer. */
  readonly lanes: number;
  /** Of all transfers together. */
  readonly lanesTotal: number;
  /** Threads of all transfers together. */
  readonly workersTotal: number;
  /** How long a transfer waits for its turn. */
  readonly waitMs: number;
  readonly entriesPerMessage: number;
  readonly messageBytes: number;
  /** From a connection to its first complete request, and from a request to the end of what belongs to it. */
  readonly firstByteMs: number;
  /** A connection without a running call is closed after this. */
  readonly idleMs: number;
  /** A call whose client takes no more answers is ended after this, and a job in which nothing moves. */
  readonly stallMs: number;
  /** A transfer whose client gives no sign of life is ended after this. */
  readonly silentMs: number;
}

/** Other daemons that this one may be told to connect to. */
export interface DaemonSources {
  readonly networks: readonly Network[];
  readonly hosts: readonly string[];
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface DaemonConfig {
  /** Undefined: all addresses of this machine. */
  readonly bind?: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly motd: string;
  /** Announce the daemon on the local network. */
  readonly mdns: boolean;
  /** Client networks. */
  readonly allow: readonly AllowRule[];
  readonly allowDaemons: DaemonSources;
  /** Ports of the data plane; undefined: the system chooses. */
  readonly dataPorts?: PortRange;
  /** How long running calls may go on after SIGTERM. */
  readonly graceMs: number;
  readonly limits: Limits;
  readonly modules: readonly ModuleConfig[];
}

/** What the command line says; it wins over the file. */
export interface ConfigFlags {
  readonly config?: string;
  /** Absolute; exported as the module "default". */
  readonly root?: string;
  /** The module of `root` is privileged. */
  readonly privileged?: boolean;
  readonly bind?: string;
  readonly port?: number;
  readonly noMdns: boolean;
}

export const defaultConfigPath = "/etc/blit/daemon.toml";
export const rootModule = "default";

/** Without --config and --root the default file is read. `readFile` throws what Deno throws. */
export function loadConfig(flags: ConfigFlags, readFile: (path: string) => string): DaemonConfig {
  const file = flags.config ?? (flags.root === undefined ? defaultConfigPath : undefined);
  const config = file === undefined ? parseConfig("", "(none)") : parseConfig(read(file, flags, readFile), file);
  const root: ModuleConfig[] = flags.root === undefined ? [] : [{
    name: rootModule,
    path: flags.root,
    readOnly: false,
    privileged: flags.privileged ?? false,
    comment: "",
    connectionsMax: 0,
  }];
  const modules = [...root, ...config.modules.filter(({ name }) => root.length === 0 || name !== rootModule)];
  if (modules.length === 0) {
    throw usageError(`Cannot export anything: "${file}" has no [[modules]]`, "Add one, or give --root DIR.");
  }
  return {
    ...config,
    modules,
    bind: flags.bind ?? config.bind,
    port: flags.port ?? config.port,
    mdns: config.mdns && !flags.noMdns,
  };
}

function read(file: string, flags: ConfigFlags, readFile: (path: string) => string): string {
  try {
    return readFile(file);
  } catch (error) {
    if (flags.config === undefined && error instanceof Deno.errors.NotFound) {
      throw usageError(`Cannot export anything: there is no "${file}"`, "Give --root DIR or --config FILE.");
    }
    const reason = error instanceof Deno.errors.NotFound ? "no such file" : (error as Error).message;
    throw usageError(`Cannot read the configuration "${printablePath(file)}": ${reason}`);
  }
}

/** `file` is only for messages. */
export function parseConfig(text: string, file: string): DaemonConfig {
  let document: Record<string, unknown>;
  try {
    document = parse(text) as Record<string, unknown>;
  } catch (error) {
    const reason = (error as Error).message.replaceAll(/\s+/g, " ").replace(
      /^(Parse error on line (\d+).*?: )+/,
      "line $2: ",
    );
    throw usageError(`Cannot use the configuration "${printablePath(file)}": ${reason}`);
  }
  const table = new ConfigTable(document, file);
  const config: DaemonConfig = {
    bind: table.text("bind"),
    port: table.integer("port", { min: 0, max: 65535 }) ?? DEFAULT_PORT,
    motd: table.text("motd") ?? "",
    mdns: table.flag("mdns") ?? true,
    allow: readAllow(table),
    allowDaemons: readDaemonSources(table),
    dataPorts: readDataPorts(table),
    graceMs: (table.integer("grace_seconds", { min: 0, max: 86400 }) ?? 30) * 1000,
    limits: readLimits(table.table("limits")),
    modules: table.tables("modules").map(readModule),
  };
  table.end();
  config.modules.forEach(({ name }, index) => {
    const first = config.modules.findIndex((other) => other.name === name);
    if (first !== index) table.fail(`modules[${index}].name`, `"${name}" is the name of modules[${first}] too`);
  });
  const { port, dataPorts } = config;
  if (dataPorts !== undefined && port >= dataPorts.first && port <= dataPorts.last) {
    table.fail("data_ports", `must not contain the port ${port}`);
  }
  return config;
}

function readAllow(table: ConfigTable): AllowRule[] {
  const rules = table.texts("allow") ?? ["local"];
  return rules.map((text, index) => {
    const rule = text === "local" ? text : parseNetwork(text);
    if (rule !== undefined) return rule;
    return table.fail(
      `allow[${index}]`,
      `must be a network such as "10.0.0.0/8" or "fd00::/8", an address, "local" or "any", not "${
        printablePath(text)
      }"`,
    );
  });
}

function readDaemonSources(table: ConfigTable): DaemonSources {
  const networks: Network[] = [];
  const hosts: string[] = [];
  (table.texts("allow_daemons") ?? []).forEach((text, index) => {
    const network = parseNetwork(text);
    if (network !== undefined) networks.push(network);
    else if (/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(text)) hosts.push(text.toLowerCase());
    else table.fail(`allow_daemons[${index}]`, `must be a host or a network, not "${printablePath(text)}"`);
  });
  return { networks, hosts };
}

function readDataPorts(table: ConfigTable): PortRange | undefined {
  const text = table.text("data_ports") ?? "any";
  if (text === "any") return undefined;
  const [, first, last] = (/^([0-9]{1,5})-([0-9]{1,5})$/.exec(text) ?? []).map(Number);
  if (first >= 1 && first <= last && last <= 65535) return { first, last };
  return table.fail("data_ports", `must be a range such as "9040-9055", or "any", not "${printablePath(text)}"`);
}

function readLimits(table: ConfigTable): Limits {
  const limits = {
    sessions: table.integer("sessions", { min: 1, max: 100_000 }) ?? 64,
    connections: table.integer("connections", { min: 1, max: 1_000_000 }) ?? 16_384,
    lanes: table.integer("lanes", { min: 1, max: 256 }) ?? 16,
    lanesTotal: table.integer("lanes_total", { min: 1, max: 100_000 }) ?? Math.max(128, 16 * processorCount()),
    workersTotal: table.integer("workers_total", { min: 1, max: 100_000 }) ?? Math.max(32, 8 * processorCount()),
    waitMs: (table.integer("wait_seconds", { min: 0, max: 86400 }) ?? 600) * 1000,
    entriesPerMessage: table.integer("entries_per_message", { min: 1, max: 65_536 }) ?? 4096,
    messageBytes: table.size("message_bytes", { min: 64 * 1024, max: 64 * 1024 * 1024 }) ?? 4 * 1024 * 1024,
    firstByteMs: (table.integer("first_byte_seconds", { min: 1, max: 3600 }) ?? 10) * 1000,
    idleMs: (table.integer("idle_seconds", { min: 1, max: 86400 }) ?? 600) * 1000,
    stallMs: (table.integer("stall_seconds", { min: 1, max: 86400 }) ?? 600) * 1000,
    silentMs: (table.integer("silent_seconds", { min: 1, max: 86400 }) ?? PATIENCE_MS / 1000) * 1000,
  };
  table.end();
  return limits;
}

export function isModuleName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(name);
}

function readModule(table: ConfigTable): ModuleConfig {
  const name = table.text("name") ?? table.fail("name", "is missing");
  if (!isModuleName(name)) {
    table.fail("name", `must be up to 64 letters, digits, ".", "_" or "-", not "${printablePath(name)}"`);
  }
  const path = table.text("path") ?? table.fail("path", "is missing");
  if (!path.startsWith("/")) table.fail("path", `must be an absolute path, not "${printablePath(path)}"`);
  if (path.includes("\0")) table.fail("path", "must not contain NUL");
  const module = {
    name,
    path,
    readOnly: table.flag("read_only") ?? false,
    privileged: table.flag("privileged") ?? false,
    comment: table.text("comment") ?? "",
    connectionsMax: table.integer("max_connections", { min: 0, max: 100_000 }) ?? 0,
  };
  table.end();
  return module;
}
