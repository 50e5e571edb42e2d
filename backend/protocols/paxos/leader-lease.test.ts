import assert from "node:assert/strict";
import test from "node:test";
import { LeaderLease } from "./leader-lease.ts";

/** Votes as "node:end", and the end of the lease after each. */
const histories: readonly {
  readonly of: string;
  readonly majority: number;
  readonly votes: string;
  readonly ends: string;
}[] = [
  { of: "two of three", majority: 2, votes: "0:100 1:90 2:80", ends: "0 90 90" },
  {
    of: "as long as a majority's, not as the longest",
    majority: 2,
    votes: "0:100 1:50 0:200 1:120",
    ends: "0 50 50 120",
  },
  { of: "one vote a node", majority: 2, votes: "0:100 0:110 0:120", ends: "0 0 0" },
  {
    of: "an older vote that comes late shortens nothing",
    majority: 2,
    votes: "0:100 1:100 1:50 0:50",
    ends: "0 100 100 100",
  },
  { of: "no vote at all", majority: 2, votes: "0:100 1:0 2:0", ends: "0 0 0" },
  { of: "three of five", majority: 3, votes: "0:100 1:90 2:80 3:70 4:95", ends: "0 0 80 80 90" },
  { of: "alone", majority: 1, votes: "0:100 0:200", ends: "100 200" },
];

for (const { of, majority, votes, ends } of histories) {
  test(`a lease: ${of}`, () => {
    const lease = new LeaderLease();
    const found = votes.split(" ").map((vote) => {
      const [node, end] = vote.split(":").map(Number);
      const before = lease.until;
      assert.equal(lease.onVote(node, end, majority), lease.until > before);
      return lease.until;
    });
    assert.equal(found.join(" "), ends);
  });
}

test("it is in force only while true time is certainly before its end, and not once it is given up", () => {
  const lease = new LeaderLease();
  lease.onVote(0, 100, 1);
  assert.equal(lease.inForce({ earliest: 0, latest: 99 }), true);
  assert.equal(lease.inForce({ earliest: 0, latest: 100 }), false);
  lease.clear();
  assert.equal(lease.inForce({ earliest: 0, latest: 1 }), false);
  assert.equal(lease.onVote(1, 50, 2), false, "votes before are gone");
});
