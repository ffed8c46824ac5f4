/** Two ports of a daemon reached through 127.0.0.2, where connections to the second one break off after so many bytes. */

export interface CuttingProxy extends Disposable {
  /** From the next data connection on: bytes after which the first one is cut, the second one ...; further ones are let through. */
  cut(after: readonly number[]): void;
  /** Data connections that were cut since. */
  readonly cuts: number;
}

export function startCuttingProxy(controlPort: number, dataPort: number): CuttingProxy {
  const state = { cuts: 0 };
  let limits: number[] = [];
  const open = new Set<Deno.TcpConn>();
  const listeners = [controlPort, dataPort].map((port) => Deno.listen({ hostname: "127.0.0.2", port }));
  for (const [index, listener] of listeners.entries()) {
    void (async () => {
      for await (const near of listener) {
        const limit = index === 1 ? limits.shift() : undefined;
        relay(near, [controlPort, dataPort][index], limit).catch(() => {});
      }
    })().catch(() => {});
  }

  async function relay(near: Deno.TcpConn, port: number, limit = Infinity): Promise<void> {
    open.add(near);
    const far = await Deno.connect({ hostname: "127.0.0.1", port });
    open.add(far);
    let left = limit;
    const close = () => {
      for (const end of [near, far]) {
        if (!open.delete(end)) continue;
        try {
          end.close();
        } catch { /* it has ended */ }
      }
    };
    const pump = async (from: Deno.TcpConn, to: Deno.TcpConn) => {
      const room = new Uint8Array(64 << 10);
      try {
        for (let read = await from.read(room); read !== null; read = await from.read(room)) {
          left -= read;
          for (let at = 0; at < read;) at += await to.write(room.subarray(at, read));
          if (left <= 0) {
            state.cuts++;
            return close();
          }
        }
        await to.closeWrite();
      } catch {
        close();
      }
    };
    await Promise.all([pump(near, far), pump(far, near)]);
    close();
  }

  return {
    cut(after) {
      limits = [...after];
      state.cuts = 0;
    },
    get cuts() {
      return state.cuts;
    },
    [Symbol.dispose]() {
      for (const listener of listeners) listener.close();
      for (const end of open) {
        try {
          end.close();
        } catch { /* it has ended */ }
      }
    },
  };
}
