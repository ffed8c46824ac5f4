/**
 * What lies between client and server of a remote row: the loopback, or a pair of network namespaces with a veth pair between them,
 * with or without losses and delay. `withNetwork` takes everything away again, however its body ends.
 */

import { attempt, run } from "./process.ts";

export const networkIds = ["loopback", "veth", "wan"] as const;
export type NetworkId = typeof networkIds[number];

export interface Network {
  readonly id: NetworkId;
  readonly description: string;
  /** Of the server's end. */
  readonly address: string;
  readonly clientAddress: string;
  /** The command as it runs at the server's, or the client's, end. */
  atServer(command: readonly string[]): string[];
  atClient(command: readonly string[]): string[];
}

const descriptions: Readonly<Record<NetworkId, string>> = {
  loopback: "loopback",
  veth: "a veth pair between two network namespaces",
  wan: "a veth pair with 20 ms round trip and 1 % loss",
};

/** Why a network cannot be had here; undefined when it can. */
export async function networkMissing(id: NetworkId): Promise<string | undefined> {
  if (id === "loopback") return undefined;
  if (Deno.uid() !== 0) return "network namespaces need root";
  const probe = `blit-bench-probe-${Deno.pid}`;
  if (!(await attempt(["ip", "netns", "add", probe])).success) {
    return "network namespaces cannot be made here (ip netns)";
  }
  const canDelay = id === "veth" ||
    (await attempt(["ip", "netns", "exec", probe, "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]))
      .success;
  await attempt(["ip", "netns", "del", probe]);
  return canDelay ? undefined : "tc netem is not there";
}

export async function withNetwork<T>(id: NetworkId, body: (network: Network) => Promise<T>): Promise<T> {
  const description = descriptions[id];
  if (id === "loopback") {
    const plain = (command: readonly string[]) => [...command];
    return await body({
      id,
      description,
      address: "127.0.0.1",
      clientAddress: "127.0.0.1",
      atServer: plain,
      atClient: plain,
    });
  }
  const [server, client] = [`blit-bench-${Deno.pid}-s`, `blit-bench-${Deno.pid}-c`];
  try {
    for (const namespace of [server, client]) await run(["ip", "netns", "add", namespace]);
    await run(["ip", "-n", server, "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", client]);
    await configure(server, "10.213.0.1", id);
    await configure(client, "10.213.0.2", id);
    return await body({
      id,
      description,
      address: "10.213.0.1",
      clientAddress: "10.213.0.2",
      atServer: (command) => ["ip", "netns", "exec", server, ...command],
      atClient: (command) => ["ip", "netns", "exec", client, ...command],
    });
  } finally {
    for (const namespace of [server, client]) await attempt(["ip", "netns", "del", namespace]);
  }
}

async function configure(namespace: string, address: string, id: NetworkId): Promise<void> {
  await run(["ip", "-n", namespace, "addr", "add", `${address}/24`, "dev", "veth0"]);
  await run(["ip", "-n", namespace, "link", "set", "veth0", "up"]);
  await run(["ip", "-n", namespace, "link", "set", "lo", "up"]);
  if (id !== "wan") return;
  const loss = ["delay", "10ms", "loss", "0.5%", "limit", "100000"];
  await run(["ip", "netns", "exec", namespace, "tc", "qdisc", "add", "dev", "veth0", "root", "netem", ...loss]);
}
