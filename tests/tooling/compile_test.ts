/** What making the executable refuses. */

import { assertEquals } from "@std/assert";
import { countUsing } from "../../.ci/compile.ts";

Deno.test("variables declared with using are counted alike before and after the minifier", () => {
  const plain = "function f() {\n  using a = open({ x: [1, 2] });\n  using b = open(a, 1);\n  await using c = g();\n}";
  const minified = "function f(){using a=open({x:[1,2]}),b=open(a,1);await using c=g()}";
  assertEquals([countUsing(plain), countUsing(minified), countUsing("const using1 = 2; user(using)")], [3, 3, 0]);
});
