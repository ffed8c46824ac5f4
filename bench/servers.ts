/** The servers of remote rows, exporting one directory: blit's daemon, rsync's and rclone's. Each ends with its `using`. */

import type { Blit } from "./blit.ts";
import { BenchError } from "./failure.ts";
import { readText } from "./machine.ts";
import type { Network } from "./networks.ts";

export interface Server extends AsyncDisposable {
  readonly port: number;
  /** Peak memory in KiB so far; undefined where the system does not tell. */
  peakKib(): Promise<number | undefined>;
}

const startMs = 10_000;

/** `end` is the end of the network that it stands at. Each daemon there may fetch from the other. */
export async function startBlitDaemon(
  blit: Blit,
  root: string,
  network: Network,
  folder: string,
  end: "server" | "client",
): Promise<Server> {
  const [address, at] = end === "server"
    ? [network.address, network.atServer]
    : [network.clientAddress, network.atClient];
  const config = `${folder}/daemon-${end}.toml`;
  const fetching = JSON.stringify([network.address, network.clientAddress]);
  const module = `[[modules]]\nname = "default"\npath = ${JSON.stringify(root)}\n`;
  await Deno.writeTextFile(config, `allow_daemons = ${fetching}\n${module}`);
  const options = ["--config", config, "--bind", address, "--port", "0", "--no-mdns"];
  const child = spawn(at([...blit.command, "daemon", ...options]), { XDG_CONFIG_HOME: folder });
  const port = await portOf(child, /^blit daemon ready on \S+:(\d+)$/m);
  return server(child, port, "blit");
}

export async function startRsyncDaemon(root: string, network: Network, folder: string): Promise<Server> {
  const port = freePort();
  const owner = Deno.uid() === 0 ? "uid = 0\ngid = 0\n" : "";
  const config = `${folder}/rsyncd.conf`;
  await Deno.writeTextFile(config, `use chroot = no\n${owner}[bench]\npath = ${root}\nread only = no\n`);
  const options = [`--config=${config}`, `--port=${port}`, `--address=${network.address}`];
  const child = spawn(network.atServer(["rsync", "--daemon", "--no-detach", ...options]), {});
  await listening(child, port);
  return server(child, port, "rsync");
}

/** Anybody may enter; a key of its own for the run. */
export async function startRcloneServer(root: string, network: Network): Promise<Server> {
  const port = freePort();
  const options = ["--config", "", "--no-auth", "--addr", `${network.address}:${port}`, "--dir-cache-time", "0"];
  const child = spawn(network.atServer(["rclone", "serve", "sftp", ...options, root]), {});
  await listening(child, port);
  return server(child, port, "rclone");
}

/** A port that nobody has now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits until somebody in the child's network namespace listens on the port. */
async function listening(child: Deno.ChildProcess, port: number): Promise<void> {
  const line = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, "0")} [0-9A-F]+:0000 0A `);
  for (const end = Date.now() + startMs; Date.now() < end;) {
    const tables = await Promise.all(["tcp", "tcp6"].map((name) => readText(`/proc/${child.pid}/net/${name}`)));
    if (line.test(tables.join(""))) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.kill("SIGKILL");
  throw new BenchError("A server does not start");
}

function spawn(command: string[], env: Record<string, string>): Deno.ChildProcess {
  return new Deno.Command(command[0], { args: command.slice(1), env, stdin: "null", stdout: "piped", stderr: "null" })
    .spawn();
}

/** What the pattern finds in the child's output. */
async function portOf(child: Deno.ChildProcess, pattern: RegExp): Promise<number> {
  const reader = child.stdout.getReader();
  const late = setTimeout(() => child.kill("SIGKILL"), startMs);
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new BenchError("The daemon of blit does not start");
    text += new TextDecoder().decode(value);
    const found = pattern.exec(text);
    if (!found) continue;
    clearTimeout(late);
    reader.releaseLock();
    return Number(found[1]);
  }
}

function server(child: Deno.ChildProcess, port: number, name: string): Server {
  return {
    port,
    async peakKib() {
      const status = await readText(`/proc/${child.pid}/status`);
      const own = status.match(/^Name:\s*(\S+)/m)?.[1] ?? "";
      if (name === "blit" && !/blit|deno/.test(own)) return undefined;
      const peak = status.match(/^VmHWM:\s*(\d+)/m)?.[1];
      return peak === undefined ? undefined : Number(peak);
    },
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGTERM");
      } catch {
        // It is gone already.
      }
      await child.stdout.cancel().catch(() => {});
      await child.status;
    },
  };
}
