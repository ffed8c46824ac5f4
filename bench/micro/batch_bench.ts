/** What it costs to read a batch of 4096 entries out of the shim's memory. */

import { Kind } from "../../lib/model/entry.ts";
import { BATCH_HEADER_BYTES } from "../../lib/native/layout.ts";
import { PackedBatch } from "../../lib/native/packed_batch.ts";

const count = 4096;
const memory = packed();

bench("kinds and differences", (batch) => {
  let sum = 0;
  for (let index = 0; index < count; index++) sum += batch.kind(index) + batch.dstKind(index) + batch.diff(index);
  return sum;
});
bench("names", (batch) => {
  let sum = 0;
  for (let index = 0; index < count; index++) sum += batch.name(index).length;
  return sum;
});
bench("sizes and times", (batch) => {
  let sum = 0;
  for (let index = 0; index < count; index++) {
    if (batch.known(index)) sum += batch.size(index) + batch.mtimeMs(index) + batch.nlink(index);
  }
  return sum;
});
bench("inodes, as for hard links", (batch) => {
  let sum = 0;
  for (let index = 0; index < count; index++) sum += batch.inode(index).length;
  return sum;
});

function bench(name: string, read: (batch: PackedBatch) => number): void {
  Deno.bench(`a batch of 4096 entries: ${name}`, () => {
    const batch = new PackedBatch(0n, memory, () => {});
    if (!(read(batch) > 0)) throw new Error("Cannot be: nothing was read");
    batch.release();
  });
}

/** As struct blit_batch in native/blit.h says: header, columns aligned to 8, names. */
function packed(): ArrayBuffer {
  const names = Array.from(
    { length: count },
    (_, index) => new TextEncoder().encode(`file${String(index).padStart(7, "0")}${index % 10 === 0 ? "ü" : ""}.dat`),
  );
  const namesBytes = names.reduce((sum, { length }) => sum + length, 0);
  const base = [4, 1, 1, 2];
  const stat = [8, 8, 8, 8, 8, 8, 4, 4, 4, 4, 4, 4, 4];
  const starts: number[] = [];
  let at = BATCH_HEADER_BYTES;
  for (const width of [...base, ...stat]) {
    starts.push(at);
    at += Math.ceil(width * count / 8) * 8;
  }
  const bytes = new Uint8Array(at + namesBytes);
  const view = new DataView(bytes.buffer);
  for (const [offset, value] of [[0, count], [4, namesBytes], [12, 1], [16, count]]) {
    view.setUint32(offset, value, true);
  }
  const [nameEnd, kind, dstKind, diff, size, ino, dev, , , mtimeSec, mtimeNsec, , , , nlink, known] = starts;
  let end = 0;
  for (const [index, name] of names.entries()) {
    bytes.set(name, at + end);
    view.setUint32(nameEnd + index * 4, end += name.length, true);
    view.setUint8(kind + index, Kind.File);
    view.setUint8(dstKind + index, Kind.File);
    view.setUint16(diff + index * 2, index % 100 === 0 ? 3 : 0, true);
    view.setBigUint64(size + index * 8, BigInt(index * 100), true);
    view.setBigUint64(ino + index * 8, BigInt(1_000_000 + index), true);
    view.setBigUint64(dev + index * 8, 2049n, true);
    view.setBigInt64(mtimeSec + index * 8, 1_700_000_000n, true);
    view.setUint32(mtimeNsec + index * 4, index, true);
    view.setUint32(nlink + index * 4, 1, true);
    view.setUint32(known + index * 4, 1, true);
  }
  return bytes.buffer;
}
