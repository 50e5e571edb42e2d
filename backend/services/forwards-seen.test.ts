import assert from "node:assert/strict";
import test from "node:test";
import { millisecond, second } from "../kernel/units.ts";
import { ForwardsSeen } from "./forwards-seen.ts";

const boundUs = 5 * millisecond;

function seenAt(atUs: number) {
  const env = { now: atUs, wall: { earliest: atUs - boundUs, latest: atUs + boundUs } };
  const seen = new ForwardsSeen(env);
  const at = (us: number): void => {
    env.now = us;
    env.wall = { earliest: us - boundUs, latest: us + boundUs };
  };
  return { seen, at };
}

test("a forward is carried out once, each sender's and each operation's", () => {
  const { seen } = seenAt(second);
  assert.equal(seen.isNews(1, 7, second), true);
  assert.equal(seen.isNews(1, 7, second), false);
  assert.equal(seen.isNews(2, 7, second), true);
  assert.equal(seen.isNews(1, 8, second), true);
});

test("a copy that comes late is never news: it is remembered for longer than it may travel", () => {
  for (const [delayUs, lateUs] of [
    [0, 3 * second],
    [0, 8 * second],
    [4 * second, 9 * second],
    [7 * second, 14 * second],
    [0, 60 * second],
  ]) {
    const { seen, at } = seenAt(second + delayUs);
    assert.equal(seen.isNews(1, 7, second - boundUs), true, `${delayUs}`);
    at(second + lateUs);
    assert.equal(seen.isNews(1, 8, second + lateUs), true, "others go on");
    assert.equal(seen.isNews(1, 7, second - boundUs), false, `after ${lateUs} us`);
  }
});

test("after a restart what was sent before it is not begun: its first copy may have been", () => {
  const { seen, at } = seenAt(10 * second);
  seen.onRestart();
  at(11 * second);
  assert.equal(seen.isNews(1, 7, 10 * second - millisecond), false);
  assert.equal(seen.isNews(1, 8, 10 * second + 2 * boundUs), true);
});
