/** Capacity at two nodes: what leaders admit, report and are granted, and what is left of it when its table is gone. */
import assert from "node:assert/strict";
import test from "node:test";
import type { CapacitySpec } from "../../api.ts";
import { oneRegion } from "../../kernel/topology.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { second } from "../../kernel/units.ts";
import { Peers } from "../../protocols/quorum/peers.ts";
import { RoleEnv } from "../../protocols/quorum/role.fixture.ts";
import { Admission } from "./admission.ts";
import { Dialogue, tableSpec } from "./dialogue.fixture.ts";
import type { CatalogEntry, TablesMessage } from "./messages.ts";
import type { DataRequest } from "./operations.ts";
import { Placements } from "./placements.ts";

const placements = new Placements(oneRegion(2, 1), { kind: "tables", virtualNodes: 8, quorumTimeoutUs: second });
const put: DataRequest = { kind: "put", table: "t", item: { id: { S: "x" } } };

function entryOf(capacity: CapacitySpec, partitions = 4, id = "t.1"): CatalogEntry {
  return { spec: tableSpec({ capacity, partitions }), version: 1, id, createdAt: 0, deleted: false };
}

interface Leader {
  readonly env: { readonly self: NodeId; now: Micros; sendEarly(to: NodeId, message: TablesMessage): void };
  readonly sent: TablesMessage[];
  readonly admission: Admission;
}

function leader(self: NodeId): Leader {
  const sent: TablesMessage[] = [];
  const env = { self, now: 0, sendEarly: (_: NodeId, message: TablesMessage) => void sent.push(message) };
  return { env, sent, admission: new Admission(env, new Peers(new RoleEnv(), 2), placements) };
}

/** How many of `attempts` writes of one unit a partition takes now. */
function admitted({ admission }: Leader, entry: CatalogEntry, partition: number, attempts: number): number {
  let taken = 0;
  for (let i = 0; i < attempts; i++) if (admission.admit(entry, partition, put, 1) !== null) taken++;
  return taken;
}

test("fixed: a partition takes one second of its share at once, whatever the others use", () => {
  const entry = entryOf({ kind: "fixed", provisioned: { read: 40, write: 40 } });
  const node = leader(0);
  assert.equal(admitted(node, entry, 0, 100), 10);
  node.env.now += second;
  assert.equal(admitted(node, entry, 0, 100), 10);
  assert.equal(admitted(node, entry, 1, 100), 10);
});

test("adaptive: the leader reports to the table's controller on the other node, which grants a hot partition more", () => {
  const entry = entryOf({ kind: "adaptive", provisioned: { read: 40, write: 40 }, savedSeconds: 1 });
  const controllerId = placements.walkOf("t")[0];
  const controller = leader(controllerId);
  const node = leader(1 - controllerId);
  let last = 0;
  for (let round = 0; round < 6; round++) {
    last = admitted(node, entry, 0, 100);
    node.env.now += second;
    controller.env.now += second;
    node.admission.report(() => true);
    const report = node.sent.pop();
    assert(report?.kind === "capacity-report" && report.id === "t.1");
    controller.admission.onReport(node.env.self, entry, report.report);
    controller.admission.report(() => true);
    const limits = controller.sent.pop();
    assert(limits?.kind === "capacity-limits" && limits.limits.length === 4);
    node.admission.onLimits(entry, limits.limits);
  }
  assert(last > 30, `the hot partition takes ${last} units a second; its share is 10, its table's 40`);
});

test("what belonged to a table that is no more is not reported, and its limits are for nobody", () => {
  const old = entryOf({ kind: "adaptive", provisioned: { read: 80, write: 80 } }, 8);
  const node = leader(1 - placements.walkOf("t")[0]);
  admitted(node, old, 7, 1);
  node.admission.report(() => false);
  assert.deepEqual(node.sent, []);
});

test("a table made anew under its name with fewer partitions does not fall over its predecessor's reports", () => {
  const capacity: CapacitySpec = { kind: "adaptive", provisioned: { read: 80, write: 80 } };
  const talk = new Dialogue(3);
  const table = tableSpec({ name: "n", capacity, partitions: 64 });
  const step = (body: Parameters<Dialogue["ask"]>[1], us: Micros): void => {
    talk.ask(0, body, (answer) => assert.equal(answer.kind, "ok", JSON.stringify(answer)));
    talk.run(us);
  };
  step({ kind: "create-table", table }, second);
  for (let i = 0; i < 100; i++) step({ kind: "put", table: "n", item: { id: { S: `${i}` } } }, 5_000);
  talk.run(second / 4);
  step({ kind: "delete-table", table: "n" }, 50_000);
  step({ kind: "create-table", table: { ...table, partitions: 2 } }, 50_000);
  // One that was still on its way.
  const [controller] = placements.walkOf("n");
  const nothing = { read: 0, write: 0 };
  const report = [[63, { consumed: nothing, throttled: nothing }]];
  for (const to of [controller, 0, 1, 2]) {
    talk.simulation.transmit((to + 1) % 3, to, { kind: "capacity-report", table: "n", id: "n.1.0", report }, 0);
    const limits = { kind: "capacity-limits", table: "n", id: "n.1.0", limits: [] };
    talk.simulation.transmit((to + 1) % 3, to, limits, 0);
  }
  talk.run(20_000);
  for (let i = 0; i < 20; i++) step({ kind: "put", table: "n", item: { id: { S: `${i}` } } }, second / 4);
});
