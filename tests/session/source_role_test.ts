/** What a destination may ask a source for. */

import { assertRejects } from "@std/assert";
import { create } from "@bufbuild/protobuf";
import { BlitError } from "../../lib/base/errors.ts";
import { startSource } from "../../lib/session/source_role.ts";
import { SourceRequestsSchema } from "../../lib/wire/gen/blit/v1/source_pb.ts";
import { jobFromWire } from "../../lib/wire/job_codec.ts";
import { JobSchema } from "../../lib/wire/gen/blit/v1/transfer_pb.ts";
import { testDirectory } from "../support/environment.ts";
import { linux, testNeeding } from "../support/needs.ts";

for (const name of [undefined, "secret", ".."]) {
  testNeeding([linux], `a source of one file does not give away ${name ?? "the directory around it"}`, async () => {
    await using dir = await testDirectory();
    await dir.write({ file: "1", secret: "2" });
    const job = jobFromWire(create(JobSchema, { verb: "copy", compare: "quick" }));
    const role = await startSource({ root: dir.path, job, entry: "file", answer: () => {} });
    const value = { dir: 0, facts: true, name: name === undefined ? undefined : new TextEncoder().encode(name) };
    const requests = create(SourceRequestsSchema, { requests: [{ id: 1, request: { case: "list", value } }] });
    try {
      await assertRejects(() => Promise.resolve().then(() => role.handle(requests)), BlitError, "The other side sent");
    } finally {
      await role.close();
    }
  });
}
