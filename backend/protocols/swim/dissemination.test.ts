/** News ride along so often, so many at a time, and the latest word about a member only. */
import assert from "node:assert/strict";
import test from "node:test";
import { versionOf } from "./claims.ts";
import { Dissemination, retransmissions } from "./dissemination.ts";

function taken(news: Dissemination, members: number): number[] {
  const claims: number[] = [];
  news.take(claims, members);
  return claims;
}

test("a claim is sent lambda ln(n + 1) times and is then old", () => {
  const news = new Dissemination(3, 8);
  news.add(4, versionOf("suspect", 1), 2);
  let sent = 0;
  while (news.size > 0) {
    assert.deepEqual(taken(news, 100), [4, versionOf("suspect", 1), 2]);
    sent++;
  }
  assert.equal(sent, retransmissions(3, 100));
  assert.equal(sent, Math.ceil(3 * Math.log(101)));
  assert.deepEqual(taken(news, 100), []);
});

test("a message carries a bounded number, those sent least often first, so that every claim has its turn", () => {
  const news = new Dissemination(3, 2);
  for (let member = 0; member < 5; member++) news.add(member, versionOf("dead", 1), 9);
  const first = Array.from({ length: 5 }, () => taken(news, 10));
  assert(first.every((claims) => claims.length === 6));
  const counts = new Map<number, number>();
  for (const [a, , , b] of first) for (const member of [a, b]) counts.set(member, (counts.get(member) ?? 0) + 1);
  assert.deepEqual([...counts.values()], [2, 2, 2, 2, 2], "ten places for five claims");
});

test("what goes first leaves room for less", () => {
  const news = new Dissemination(3, 2);
  news.add(1, versionOf("dead", 1), 9);
  news.add(2, versionOf("dead", 1), 9);
  const claims = [7, versionOf("suspect", 3), -1];
  news.take(claims, 10);
  assert.equal(claims.length, 6);
});

test("a stronger claim about a member takes the place of the weaker; the same by another accuser goes beside it", () => {
  const news = new Dissemination(3, 8);
  news.add(1, versionOf("suspect", 1), 5);
  news.add(1, versionOf("suspect", 1), 6);
  assert.equal(news.size, 2);
  news.add(1, versionOf("alive", 2), 1);
  assert.deepEqual(taken(news, 10), [1, versionOf("alive", 2), 1]);
});
