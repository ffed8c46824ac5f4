/**
 * A daemon's two ports reached through 127.0.0.2. What the daemon says on its control port arrives a moment late, and not at all once
 * the proxy is mute; connections stay open, and new ones are answered as the daemon does.
 */

export interface MuteProxy extends Disposable {
  /** Nothing more is passed on to clients that are connected now, not even what is on its way. */
  mute(): void;
}

/** Long enough to see from outside that a transfer has done its work before its last words arrive. */
const DELAY_MS = 250;

export function startMuteProxy(controlPort: number, dataPort: number): MuteProxy {
  const open = new Set<Deno.TcpConn>();
  let mutes = 0;
  const listeners = [controlPort, dataPort].map((port) => Deno.listen({ hostname: "127.0.0.2", port }));
  for (const [index, listener] of listeners.entries()) {
    void (async () => {
      for await (const near of listener) relay(near, [controlPort, dataPort][index], index === 0).catch(() => {});
    })().catch(() => {});
  }

  async function relay(near: Deno.TcpConn, port: number, isControl: boolean): Promise<void> {
    const before = mutes;
    const far = await Deno.connect({ hostname: "127.0.0.1", port });
    open.add(near).add(far);
    const pump = async (from: Deno.TcpConn, to: Deno.TcpConn, late: boolean) => {
      for (;;) {
        const room = new Uint8Array(64 << 10);
        const read = await from.read(room);
        if (read === null) break;
        if (late) await new Promise((resolve) => setTimeout(resolve, DELAY_MS));
        if (late && mutes > before) return;
        for (let at = 0; at < read;) at += await to.write(room.subarray(at, read));
      }
      await to.closeWrite();
    };
    await Promise.allSettled([pump(near, far, false), pump(far, near, isControl)]);
  }

  return {
    mute: () => void mutes++,
    [Symbol.dispose]() {
      for (const end of [...listeners, ...open]) {
        try {
          end.close();
        } catch { /* it has ended */ }
      }
    },
  };
}
