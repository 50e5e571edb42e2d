/** What a request comes to before anybody is asked: what is wrong with it, and which group does what. */
import type { DatabaseRequest, DatabaseValue } from "../../api-database.ts";
import type { Age, GroupId, Part, Txn } from "./messages.ts";
import type { TabletMap } from "./tablet-map.ts";

export type Transact = Extract<DatabaseRequest, { kind: "transact" }>;
export type SnapshotRead = Extract<DatabaseRequest, { kind: "snapshot-read" }>;

const maxKeyBytes = 1_024;

/** What breaks a rule of the interface; null: nothing. */
export function faultOf(request: DatabaseRequest): string | null {
  if (request.kind === "snapshot-read") {
    if (request.keys.length === 0) return "no keys: name at least one";
    const { at } = request;
    if (at.kind === "exact" && !isWhole(at.timestamp))
      return `timestamp is ${at.timestamp}; expected whole microseconds from 0`;
    if (at.kind === "max-staleness" && !isWhole(at.us))
      return `staleness is ${at.us}; expected whole microseconds from 0`;
    return faultOfKeys(request.keys);
  }
  const { reads, writes, conditions = [] } = request;
  if (reads.length + writes.length + conditions.length === 0)
    return "an empty transaction: name a key to read or to write";
  const written = new Set(writes.map(({ key }) => key));
  if (written.size < writes.length) return "a key is written twice; expected each key in one write";
  for (const write of writes) {
    if (write.kind === "add" && !Number.isFinite(write.delta))
      return `delta is ${write.delta}; expected a finite number`;
    if (write.kind === "set" && !isValue(write.value)) return "a value is neither a text nor a finite number";
  }
  return faultOfKeys(keysOf(request));
}

/** All that it names. */
export function keysOf(request: SnapshotRead | Pick<Transact, "reads" | "writes" | "conditions">): readonly string[] {
  if ("keys" in request) return request.keys;
  const { reads, writes, conditions = [] } = request;
  return [...reads, ...[...writes, ...conditions].map(({ key }) => key)];
}

function faultOfKeys(keys: readonly string[]): string | null {
  for (const key of keys) {
    if (key.length === 0 || key.length > maxKeyBytes)
      return `a key has ${key.length} bytes; expected 1 to ${maxKeyBytes}`;
    for (let i = 0; i < key.length; i++) {
      const code = key.charCodeAt(i);
      if (code === 0 || code > 0xff) return `a key holds U+${code.toString(16)}; expected bytes other than 0 (byteKey)`;
    }
  }
  return null;
}

function isValue(value: DatabaseValue): boolean {
  return typeof value === "string" || Number.isFinite(value);
}

function isWhole(us: number): boolean {
  return Number.isSafeInteger(us) && us >= 0;
}

/** What the transaction does in each group, in the order in which its keys name them: writes first. */
export function partsOf(
  { reads, writes, conditions = [] }: Transact,
  map: TabletMap,
  txn: Txn,
  age: Age,
): Map<GroupId, Part> {
  interface Building {
    readonly txn: Txn;
    readonly age: Age;
    readonly reads: string[];
    readonly writes: Transact["writes"][number][];
    readonly conditions: NonNullable<Transact["conditions"]>[number][];
  }
  const parts = new Map<GroupId, Building>();
  const partOf = (key: string): Building => {
    const { group } = map.find(key);
    let part = parts.get(group);
    if (part === undefined) parts.set(group, (part = { txn, age, reads: [], writes: [], conditions: [] }));
    return part;
  };
  for (const write of writes) partOf(write.key).writes.push(write);
  for (const condition of conditions) partOf(condition.key).conditions.push(condition);
  for (const key of new Set(reads)) partOf(key).reads.push(key);
  return parts;
}

export function keysByGroup(keys: readonly string[], map: TabletMap): Map<GroupId, string[]> {
  const groups = new Map<GroupId, string[]>();
  for (const key of new Set(keys)) {
    const { group } = map.find(key);
    const those = groups.get(group);
    if (those === undefined) groups.set(group, [key]);
    else those.push(key);
  }
  return groups;
}
