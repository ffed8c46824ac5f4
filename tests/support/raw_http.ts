/** HTTP/1.1 by hand, for requests that no client would make. */

export interface OpenRequest extends Disposable {
  send(text: string): Promise<void>;
  /** Everything the other side says until it closes or has said a whole answer. */
  answer(): Promise<string>;
}

/** Sends the head of a JSON request to AdminService with a body of that many bytes, and nothing of the body. */
export async function openRequest(
  port: number,
  procedure: string,
  bodyBytes: number,
  headers: string[] = [],
): Promise<OpenRequest> {
  const connection = await openConnection(port);
  await connection.send(
    [
      `POST /blit.v1.AdminService/${procedure} HTTP/1.1`,
      "Host: localhost",
      "Content-Type: application/json",
      `Content-Length: ${bodyBytes}`,
      "Connection: close",
      ...headers,
      "\r\n",
    ].join("\r\n"),
  );
  return connection;
}

export async function openConnection(port: number): Promise<OpenRequest> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  return {
    async send(text) {
      const bytes = new TextEncoder().encode(text);
      for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
    },
    async answer() {
      let text = "";
      const decoder = new TextDecoder();
      const buffer = new Uint8Array(64 * 1024);
      for (;;) {
        // A connection that was reset has said what it had to say.
        const read = await connection.read(buffer).catch(() => null);
        if (read === null) return text;
        text += decoder.decode(buffer.subarray(0, read), { stream: true });
      }
    },
    [Symbol.dispose]() {
      try {
        connection.close();
      } catch { /* closed already */ }
    },
  };
}
