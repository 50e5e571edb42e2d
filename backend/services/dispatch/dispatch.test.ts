/** The dispatch service in the simulation: search, booking, borders, hand-over, expiry, and an owner's death. */
import assert from "node:assert/strict";
import test from "node:test";
import { second } from "../../kernel/units.ts";
import { at, centre, TestCity } from "./dispatch.fixture.ts";

test("the nearest free driver is given, each once; when all are on trips nobody is", () => {
  const city = new TestCity(4);
  city.report("far", at(900, 0), 1);
  city.report("near", at(100, 0), 2);
  city.report("middle", at(0, 500), 3);
  const given = ["t1", "t2", "t3", "t4"].map((trip, i) => city.match(trip, centre, i)?.driver ?? null);
  assert.deepEqual(given, ["near", "middle", "far", null]);
});

test("a driver is told its trip with its next report, and is free when the trip is over", () => {
  const city = new TestCity(4);
  assert.equal(city.report("d", at(100, 0)).trip, null);
  assert.equal(city.match("t1")?.driver, "d");
  assert.equal(city.report("d", at(100, 10)).trip, "t1");
  assert.deepEqual(city.result("trip", { kind: "trip-get", trip: "t1" }).trip, {
    trip: "t1",
    driver: "d",
    rider: "rider of t1",
    ended: false,
  });
  assert.equal(city.result("trip-ended", { kind: "trip-end", trip: "t1" }, 2).ended, true);
  assert.equal(city.result("trip-ended", { kind: "trip-end", trip: "t1" }, 3).ended, true, "again: it is over");
  assert.equal(city.result("trip-ended", { kind: "trip-end", trip: "no such" }).ended, false);
  assert.equal(city.report("d", at(100, 20)).trip, null);
  assert.equal(city.match("t2")?.driver, "d");
  assert.deepEqual(
    city.result("trips", { kind: "trip-list" }).trips.map(({ trip, ended }) => [trip, ended]),
    [
      ["t1", true],
      ["t2", false],
    ],
  );
});

test("a request that is sent again has the same driver, wherever it enters", () => {
  const city = new TestCity(4);
  city.report("a", at(100, 0));
  city.report("b", at(200, 0));
  assert.deepEqual(
    [0, 1, 2, 3].map((entry) => city.match("t1", centre, entry)?.driver),
    ["a", "a", "a", "a"],
  );
  assert.equal(city.match("t2")?.driver, "b");
});

test("drivers beyond a border are found, by the same order as at home", () => {
  // Every cell has an owner of its own: nearly every match asks neighbours.
  const city = new TestCity(5, { ownedResolution: 8 });
  const meters = [1_400, 300, 2_000, 700, 1_100];
  for (const [i, north] of meters.entries()) city.report(`d${north}`, at(north, 50 * i), i);
  const given = meters.map((_, i) => city.match(`t${i}`)?.driver);
  assert.deepEqual(given, ["d300", "d700", "d1100", "d1400", "d2000"]);
  assert((city.simulation.counters().asked as number) > 0, "somebody was asked");
});

test("a driver that moved into another node's cells is known there, and no longer where it was", () => {
  const city = new TestCity(5, { ownedResolution: 7 });
  const here = city.report("d", at(0, 0));
  let there = here;
  for (let east = 500; there.owner === here.owner; east += 500) there = city.report("d", at(0, east));
  assert.equal(city.result("driver", { kind: "driver-get", driver: "d" }).driver?.owner, there.owner);
  city.wait(second);
  assert.deepEqual((city.simulation.counters().driversByNode as number[])[here.owner], 0);
});

test("a driver that stopped reporting is given to nobody", () => {
  const city = new TestCity(3, { expireUs: 12 * second });
  city.report("d", at(100, 0));
  city.wait(13 * second);
  assert.equal(city.match("t1"), null);
  city.report("d", at(100, 0));
  assert.equal(city.match("t2")?.driver, "d");
});

test("a driver that is off is given to nobody", () => {
  const city = new TestCity(3);
  city.report("d", at(100, 0));
  city.ask({ kind: "position-report", driver: "d", ...at(100, 0), state: "off" });
  assert.equal(city.match("t1"), null);
});

test("an owner dies: its trips are known to the next owner, its drivers as soon as they report", () => {
  const city = new TestCity(5);
  const { owner } = city.report("busy", at(100, 0));
  city.report("free", at(200, 0));
  assert.equal(city.match("t1", centre, (owner + 1) % 5)?.driver, "busy");
  city.simulation.inject({ kind: "crash", nodes: [owner] });
  city.wait(3 * second);
  const entry = (owner + 1) % 5;
  const again = city.report("busy", at(100, 0), entry);
  assert.notEqual(again.owner, owner);
  assert.equal(again.trip, "t1");
  city.report("free", at(200, 0), entry);
  assert.equal(city.match("t2", centre, entry)?.driver, "free");
  assert.equal(city.match("t1", centre, entry)?.driver, "busy", "the trip has its driver");
  assert.equal(city.match("t3", centre, entry), null);
});

test("a node comes back: the drivers in its cells are handed to it before they report", () => {
  const city = new TestCity(4);
  const { owner } = city.report("d", at(100, 0));
  city.simulation.inject({ kind: "crash", nodes: [owner] });
  city.wait(3 * second);
  const entry = (owner + 1) % 4;
  assert.notEqual(city.report("d", at(100, 0), entry).owner, owner);
  city.simulation.inject({ kind: "restart", nodes: [owner] });
  city.wait(2 * second);
  assert.equal(city.result("driver", { kind: "driver-get", driver: "d" }, entry).driver?.owner, owner);
  assert.equal(city.match("t1", centre, entry)?.driver, "d");
});

test("without a majority of the keepers nobody is promised anything", () => {
  const city = new TestCity(5);
  city.report("d", at(100, 0));
  city.simulation.inject({ kind: "crash", nodes: [0, 1] });
  city.wait(3 * second);
  const answer = city.ask({ kind: "match", rider: "r", trip: "t1", ...centre, timeoutUs: 2 * second }, 3);
  assert.equal(answer.kind, "unknown");
  city.simulation.inject({ kind: "restart", nodes: [0, 1] });
  city.wait(2 * second);
  city.report("d", at(100, 0), 3);
  assert.equal(city.match("t1", centre, 3)?.driver, "d");
});
