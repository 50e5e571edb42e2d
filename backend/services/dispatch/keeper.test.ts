/** One keeper: promises, the fence, one driver a trip, and what it remembers. */
import assert from "node:assert/strict";
import test from "node:test";
import type { Value } from "../../kernel/store.ts";
import { Keeper } from "./keeper.ts";
import type { Accepted, DispatchMessage } from "./messages.ts";

class Desk {
  readonly said: [number, DispatchMessage][] = [];
  readonly stored = new Map<string, Value>();
  keeper = this.open();

  /** As after a crash. */
  open(): Keeper {
    const { stored } = this;
    const store = {
      put: (key: string, value: Value) => void stored.set(key, value),
      delete: (key: string) => void stored.delete(key),
      deleteLater: (key: string) => void stored.delete(key),
      scan: (from: string, to: string, visit: (key: string, value: Value) => void) => {
        for (const [key, value] of stored) if (key >= from && key < to) visit(key, value);
      },
    };
    const send = (to: number, message: DispatchMessage): void => void this.said.push([to, message]);
    const env = { wall: { earliest: 0, latest: 0 }, store, send };
    this.keeper = new Keeper(env as unknown as ConstructorParameters<typeof Keeper>[0]);
    this.keeper.start();
    return this.keeper;
  }

  /** The kind of what it says to that, and to whom. */
  claim(from: number, driver: string, epoch: number, life = from): string {
    return this.answers(() => this.keeper.onClaim(from, driver, epoch, life));
  }

  accept(from: number, driver: string, epoch: number, sequence: number, trip: string | null, past?: string): string {
    return this.answers(() => this.keeper.onAccept(from, driver, value(driver, epoch, sequence, trip, past), false));
  }

  private answers(act: () => void): string {
    this.said.length = 0;
    act();
    this.keeper.check();
    return this.said.map(([to, { kind }]) => `${kind} to ${to}`).join(", ");
  }
}

function value(driver: string, epoch: number, sequence: number, trip: string | null, past?: string): Accepted {
  const match = { driver, from: { latitude: 0, longitude: 0 }, distanceMeters: 1, etaSeconds: 1 };
  return {
    epoch,
    sequence,
    value: {
      trip: trip === null ? null : { trip, rider: "r", match },
      past: past === undefined ? null : { trip: past, rider: "r" },
    },
  };
}

test("a later claim fences the earlier owner, and tells it", () => {
  const desk = new Desk();
  assert.equal(desk.claim(1, "d", 10), "promise to 1");
  assert.equal(desk.claim(2, "d", 20), "fenced to 1, promise to 2");
  assert.equal(desk.accept(1, "d", 10, 1, "t"), "fenced to 1");
  assert.equal(desk.accept(2, "d", 20, 1, "t"), "accepted to 2");
  assert.equal(desk.claim(1, "d", 15), "fenced to 1");
});

test("an epoch belongs to one life of one node", () => {
  const desk = new Desk();
  desk.claim(1, "d", 10, 7);
  assert.equal(desk.claim(1, "d", 10, 7), "promise to 1", "doubled on the way");
  assert.equal(desk.claim(1, "d", 10, 8), "fenced to 1", "another life");
});

test("a trip has one driver here, and is not begun again when it is over; a restart forgets nothing of it", () => {
  const desk = new Desk();
  desk.claim(1, "a", 10);
  desk.claim(1, "b", 10);
  assert.equal(desk.accept(1, "a", 10, 1, "t"), "accepted to 1");
  assert.equal(desk.accept(1, "b", 10, 1, "t"), "taken to 1");
  desk.open();
  assert.equal(desk.accept(1, "b", 10, 1, "t"), "taken to 1");
  assert.equal(desk.accept(1, "a", 10, 2, null, "t"), "accepted to 1");
  desk.open();
  assert.equal(desk.accept(1, "b", 10, 1, "t"), "taken to 1");
  assert.equal(desk.keeper.view(undefined, "t").ended?.driver, "a");
});

test("what comes late or twice changes nothing", () => {
  const desk = new Desk();
  desk.claim(1, "d", 10);
  desk.accept(1, "d", 10, 1, "t");
  desk.accept(1, "d", 10, 2, null, "t");
  assert.equal(desk.accept(1, "d", 10, 1, "t"), "fenced to 1");
  assert.equal(desk.accept(1, "d", 10, 2, null, "t"), "accepted to 1");
  assert.equal(desk.keeper.view("d", undefined).accepted.value.trip, null);
});

test("a trip that is called off before it began never begins; one that runs is not buried", () => {
  const desk = new Desk();
  desk.claim(1, "d", 10);
  assert.equal(desk.keeper.bury("t"), true);
  assert.equal(desk.accept(1, "d", 10, 1, "t"), "taken to 1");
  assert.equal(desk.accept(1, "d", 10, 1, "u"), "accepted to 1");
  assert.equal(desk.keeper.bury("u"), false);
  assert.deepEqual(desk.keeper.list().ended, [], "it never was a trip");
});
