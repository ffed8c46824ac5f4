import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { cellWidth, cutMiddle } from "../../lib/report/width.ts";

Deno.test("wide characters take two cells, combining marks none", () => {
  assertEquals(["abc", "äöü", "a\u0308", "日本", "한글", "🎉", "a\u200db", ""].map(cellWidth), [
    3,
    3,
    1,
    4,
    4,
    2,
    2,
    0,
  ]);
});

Deno.test("what fits is not cut", () => {
  assertEquals(cutMiddle("photos/a.jpg", 12), "photos/a.jpg");
  assertEquals(cutMiddle("", 0), "");
});

Deno.test("what does not fit loses its middle", () => {
  assertEquals(cutMiddle("photos/2024/a.jpg", 11), "photo…a.jpg");
  assertEquals(cutMiddle("abcdef", 5), "ab…ef");
  assertEquals(cutMiddle("abcdef", 4), "a…ef");
  assertEquals(cutMiddle("abcdef", 1), "…");
  assertEquals(cutMiddle("abcdef", 0), "");
});

Deno.test("a wide character is not split, and a mark goes with its letter", () => {
  assertEquals(cutMiddle("日本語日本語", 6), "日…語");
  assertEquals(cutMiddle("abcde\u0308f", 4), "a…e\u0308f");
  assertEquals(cutMiddle("abcde\u0308f", 3), "a…f");
});

Deno.test("cut text is never wider than asked, keeps both ends, and is cut only where needed", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), fc.nat({ max: 70 }), (text, cells) => {
    const cut = cutMiddle(text, cells);
    assert(cellWidth(cut) <= cells);
    if (cellWidth(text) <= cells) return assertEquals(cut, text);
    if (cells === 0) return;
    const [head, tail] = [cut.slice(0, cut.indexOf("…")), cut.slice(cut.lastIndexOf("…") + 1)];
    assert(text.startsWith(head) && text.endsWith(tail));
  }));
});
