/**
 * Holds so many idle connections to each of the ports of 127.0.0.1 until its input ends. Says "open" when they are.
 *
 *     deno run --allow-net idle_connections.ts COUNT PORT...
 */

const [count, ...ports] = Deno.args.map(Number);
const open: Deno.TcpConn[] = [];
for (const port of ports) {
  for (let index = 0; index < count; index += 100) {
    const some = Array.from({ length: 100 }, () => Deno.connect({ hostname: "127.0.0.1", port }));
    open.push(...await Promise.all(some));
  }
}
console.log("open");
await Deno.stdin.read(new Uint8Array(1));
