/** Two servers on one data folder: the second is refused and harms nothing; when the first is killed the folder is free at once. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { once } from "node:events";
import { wavetank } from "./agents/nats-server.fixture.ts";

async function ask(url: string, call: string, body: object): Promise<unknown> {
  const response = await fetch(`${url}/v3/kv/${call}`, { method: "POST", body: JSON.stringify(body) });
  assert.equal(response.status, 200);
  return response.json();
}

test("a data folder has one server: another is told who has it, and after a kill -9 the next one has all that was acknowledged", async (t) => {
  const data = mkdtempSync(path.join(tmpdir(), "wavetank-folder-"));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const serve = (): ReturnType<typeof wavetank> =>
    wavetank(t, "serve", "--service", "etcd", "--port", "0", "--data", data);
  const first = serve();
  const [, url] = await first.says(/^ready {2}(http:\S+)$/m);
  await ask(url, "put", { key: btoa("a"), value: btoa("1") });

  const second = serve();
  assert.equal(await second.ended(), 2, second.output);
  const { pid } = first.process;
  const expected = new RegExp(
    `^wavetank: the data folder is in use\\n {2}got: .*${data}, which process ${pid} has open\\n {2}expected: .*\\n {2}fix: .*${pid}`,
    "m",
  );
  assert.match(second.output, expected);
  await ask(url, "put", { key: btoa("b"), value: btoa("2") });

  const exited = once(first.process, "exit");
  first.process.kill("SIGKILL");
  await exited;
  const third = serve();
  const [, next] = await third.says(/^ready {2}(http:\S+)$/m);
  const range = (await ask(next, "range", { key: btoa("a"), range_end: btoa("c") })) as { kvs: { value: string }[] };
  assert.deepEqual(
    range.kvs.map(({ value }) => atob(value)),
    ["1", "2"],
  );
});
