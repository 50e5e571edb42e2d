/** What clients ask about tablets, in the directory's words and back, and what a deployment leaves unsaid. */
import type { Answer, TabletsService } from "../../api.ts";
import type { RowsRequest } from "../../api-tablets.ts";
import type { StoreKey } from "../../kernel/store.ts";
import { mebibyte, second } from "../../kernel/units.ts";
import type { BalanceRules } from "../../protocols/tablets/balance.ts";
import type {
  Directory,
  DirectoryCommand,
  DirectoryEntry,
  DirectoryResult,
} from "../../protocols/tablets/directory.ts";
import { endOfKeys, firstKey } from "../../protocols/tablets/tablet.ts";
import type { TabletEntry } from "../../protocols/tablets/tablet.ts";
import { directoryGroup } from "./messages.ts";

const maxKeyBytes = 1_024;
/** What was asked is begun, or there was nothing to do. */
export const arranged: Answer = { kind: "ok", result: { kind: "row-written" } };
export const nothingFollows: Answer = { kind: "refused", code: "invalid", message: "No tablet follows the last one" };

/** Throws a RangeError when the bounds are not in order. */
export function initialTablets({ log, bounds = [] }: TabletsService): TabletEntry[] {
  const { replicas } = log;
  const froms: StoreKey[] = [firstKey, ...bounds];
  return froms.map((from, i) => {
    const to = froms[i + 1] ?? endOfKeys;
    if (to <= from) {
      throw new RangeError(
        `tablets must begin at rising keys: got "${from}" before "${to}"; expected each bound above the one before, none empty; fix: sort bounds`,
      );
    }
    // Another replica is asked first to lead each.
    const turn = i % replicas.length;
    return {
      tablet: directoryGroup + 1 + i,
      from,
      to,
      version: 1,
      replicas: [...replicas.slice(turn), ...replicas.slice(0, turn)],
    };
  });
}

export function rulesOf({ balance = {} }: Pick<TabletsService, "balance">): BalanceRules {
  const splitAbovePerSecond = balance.splitAbovePerSecond ?? 10_000;
  return {
    splitAboveRows: balance.splitAboveRows ?? 100_000,
    splitAboveBytes: balance.splitAboveBytes ?? 64 * mebibyte,
    splitAbovePerSecond,
    mergeBelowPerSecond: balance.mergeBelowPerSecond ?? splitAbovePerSecond / 10,
    mergeMaxRows: balance.mergeMaxRows ?? 1_000,
    mergeMaxBytes: balance.mergeMaxBytes ?? mebibyte / 4,
    patienceUs: balance.patienceUs ?? 2 * second,
    restUs: balance.restUs ?? 5 * second,
    spreadLeaders: balance.spreadLeaders ?? true,
  };
}

export function refusalOf(body: RowsRequest): Answer | undefined {
  const key = "key" in body ? body.key : "at" in body ? body.at : "a";
  if (key.length > 0 && key.length <= maxKeyBytes && key < endOfKeys) return undefined;
  const message = `A key has from 1 to ${maxKeyBytes} bytes and sorts below four bytes of 255; got ${key.length} bytes`;
  return { kind: "refused", code: "invalid", message };
}

/** Undefined: no tablet follows the one that is to merge. */
export function beginCommand(directory: Pick<Directory, "find">, body: RowsRequest): DirectoryCommand | undefined {
  if (body.kind !== "tablet-split" && body.kind !== "tablet-merge") return undefined;
  const { tablet, version, to } = directory.find(body.at);
  if (body.kind === "tablet-split") return { kind: "split-begin", tablet, version, at: body.at };
  if (to === endOfKeys) return undefined;
  const right = directory.find(to);
  return {
    kind: "merge-begin",
    left: tablet,
    leftVersion: version,
    right: right.tablet,
    rightVersion: right.version,
  };
}

export function mapAnswer(version: number, entries: readonly DirectoryEntry[]): Answer {
  const tablets = entries.map(({ tablet, version: of, from, to, replicas, intent }) => ({
    tablet,
    version: of,
    from,
    to,
    replicas,
    underWay: intent?.kind ?? null,
  }));
  return { kind: "ok", result: { kind: "tablet-map", version, tablets } };
}

export function outcomeOf(outcome: Answer | DirectoryResult): Answer {
  switch (outcome.kind) {
    case "changed":
      return mapAnswer(outcome.version, outcome.entries);
    case "stale":
      return {
        kind: "refused",
        code: "condition-failed",
        message: "The tablet is another by now, or something is under way",
      };
    case "refused":
      return "why" in outcome ? { kind: "refused", code: "invalid", message: outcome.why } : outcome;
    default:
      return outcome;
  }
}
