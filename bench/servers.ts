/** The servers of remote rows, exporting one directory: blit's daemon and rsync's. Each ends with its `using`. */

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

export async function startBlitDaemon(blit: Blit, root: string, network: Network, config: string): Promise<Server> {
  const command = [...blit.command, "daemon", "--root", root, "--bind", network.address, "--port", "0", "--no-mdns"];
  const child = spawn(network.atServer(command), { XDG_CONFIG_HOME: config });
  const port = await portOf(child, /^blit daemon ready on \S+:(\d+)$/m);
  return server(child, port, "blit");
}

export async function startRsyncDaemon(root: string, network: Network, folder: string): Promise<Server> {
  const port = 20_000 + Deno.pid % 20_000;
  const owner = Deno.uid() === 0 ? "uid = 0\ngid = 0\n" : "";
  const config = `${folder}/rsyncd.conf`;
  await Deno.writeTextFile(config, `use chroot = no\n${owner}[bench]\npath = ${root}\nread only = no\n`);
  const options = [`--config=${config}`, `--port=${port}`, `--address=${network.address}`];
  const child = spawn(network.atServer(["rsync", "--daemon", "--no-detach", ...options]), {});
  await new Promise((resolve) => setTimeout(resolve, 500));
  return server(child, port, "rsync");
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
