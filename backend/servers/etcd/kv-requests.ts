/**
 * Requests on keys, from the members of a body to what is asked of the backend, with the checks that etcd's server makes before anything
 * reaches its log (etcdserver/api/v3rpc/key.go).
 */
import type {
  Comparison,
  DeleteChange,
  KeyRange,
  KeysRequest,
  PutChange,
  RangeQuery,
  SortTarget,
  Txn,
  TxnStep,
} from "../../api-coordination.ts";
import { emptyKey, invalid } from "./gateway-error.ts";
import { base64At, booleanAt, bytesAt, enumAt, fieldsOf, integerAt, listAt, objectAt } from "./json-fields.ts";
import type { Fields } from "./json-fields.ts";

/** etcd's default for `--max-txn-ops`. */
const maxTxnOperations = 128;

export function readRange(fields: Fields): KeysRequest {
  const query = rangeQuery(fields);
  if (!booleanAt(fields, "serializable", "serializable")) return { kind: "key-range", ...query };
  return { kind: "key-range", serializable: true, ...query };
}

export function readPut(fields: Fields): KeysRequest {
  return { kind: "key-put", ...putChange(fields) };
}

export function readDeleteRange(fields: Fields): KeysRequest {
  return { kind: "key-delete-range", ...deleteChange(fields) };
}

export function readTxn(fields: Fields): KeysRequest {
  return { kind: "key-txn", ...txn(fields, maxTxnOperations) };
}

export function readCompaction(fields: Fields): KeysRequest {
  return { kind: "key-compact", revision: integerAt(fields, "revision", "revision") };
}

/** @throws GatewayError when there is no key */
export function keyRange(fields: Fields): KeyRange {
  const key = bytesAt(fields, "key", "key");
  if (key === "") throw emptyKey();
  const end = bytesAt(fields, "range_end", "rangeEnd");
  return end === "" ? { key } : { key, end };
}

const sortOrders = ["NONE", "ASCEND", "DESCEND"];
const sortTargets = ["KEY", "VERSION", "CREATE", "MOD", "VALUE"];
const sortedBy: readonly SortTarget[] = ["key", "version", "create", "mod", "value"];

function rangeQuery(fields: Fields): RangeQuery {
  const range = keyRange(fields);
  // Most requests have a key, or a key and an end, and nothing else.
  const members = Object.keys(fields).length;
  if (members === (range.end === undefined ? 1 : 2)) return range;
  const sort = sortOf(fields);
  return {
    ...range,
    ...(sort !== undefined && { sort }),
    revision: Math.max(0, integerAt(fields, "revision", "revision")),
    limit: Math.max(0, integerAt(fields, "limit", "limit")),
    keysOnly: booleanAt(fields, "keys_only", "keysOnly"),
    countOnly: booleanAt(fields, "count_only", "countOnly"),
    minModRevision: integerAt(fields, "min_mod_revision", "minModRevision"),
    maxModRevision: integerAt(fields, "max_mod_revision", "maxModRevision"),
    minCreateRevision: integerAt(fields, "min_create_revision", "minCreateRevision"),
    maxCreateRevision: integerAt(fields, "max_create_revision", "maxCreateRevision"),
  };
}

/** Order is none by default, but a target other than the key is sorted by all the same, ascending. */
function sortOf(fields: Fields): RangeQuery["sort"] {
  const order = enumAt(fields, "sort_order", "sortOrder", sortOrders, "RangeRequest_SortOrder");
  const target = enumAt(fields, "sort_target", "sortTarget", sortTargets, "RangeRequest_SortTarget");
  const by = sortedBy[target];
  if (by === undefined) throw invalid(`sort_target is ${target}; expected ${sortTargets.join(", ")} or 0 to 4`);
  return order === 0 && target === 0 ? undefined : { by, descending: order === 2 };
}

function putChange(fields: Fields): PutChange {
  const key = bytesAt(fields, "key", "key");
  if (key === "") throw emptyKey();
  const value = base64At(fields, "value", "value");
  const lease = leaseAt(fields, "lease");
  const keepValue = booleanAt(fields, "ignore_value", "ignoreValue");
  const keepLease = booleanAt(fields, "ignore_lease", "ignoreLease");
  if (keepValue && value !== "") throw invalid("etcdserver: value is provided");
  if (keepLease && lease !== 0) throw invalid("etcdserver: lease is provided");
  const returnBefore = booleanAt(fields, "prev_kv", "prevKv");
  // What is absent costs nothing on its way through the log.
  if (lease === 0 && !keepValue && !keepLease && !returnBefore) return { key, value };
  return {
    key,
    value,
    ...(lease !== 0 && { lease }),
    ...(returnBefore && { returnBefore }),
    ...(keepValue && { keepValue }),
    ...(keepLease && { keepLease }),
  };
}

function deleteChange(fields: Fields): DeleteChange {
  const range = keyRange(fields);
  return booleanAt(fields, "prev_kv", "prevKv") ? { ...range, returnBefore: true } : range;
}

function txn(fields: Fields, most: number): Txn {
  const compare = listAt(fields, "compare");
  const success = listAt(fields, "success");
  const failure = listAt(fields, "failure");
  const operations = Math.max(compare.length, success.length, failure.length);
  if (operations > most) throw invalid("etcdserver: too many operations in txn request");
  const left = most - operations;
  return {
    compare: compare.map((one) => comparison(fieldsOf(one))),
    success: success.map((one) => txnStep(fieldsOf(one), left)),
    failure: failure.map((one) => txnStep(fieldsOf(one), left)),
  };
}

function txnStep(fields: Fields, most: number): TxnStep {
  const range = objectAt(fields, "request_range", "requestRange");
  if (range !== undefined) return { kind: "range", ...rangeQuery(range) };
  const put = objectAt(fields, "request_put", "requestPut");
  if (put !== undefined) return { kind: "put", ...putChange(put) };
  const remove = objectAt(fields, "request_delete_range", "requestDeleteRange");
  if (remove !== undefined) return { kind: "delete-range", ...deleteChange(remove) };
  const nested = objectAt(fields, "request_txn", "requestTxn");
  if (nested !== undefined) return { kind: "txn", ...txn(nested, most) };
  // Of a step without a request etcd says this.
  throw invalid("etcdserver: key not found");
}

const operators = ["EQUAL", "GREATER", "LESS", "NOT_EQUAL"];
const operatorSigns = ["=", ">", "<", "!="] as const;
const compareTargets = ["VERSION", "CREATE", "MOD", "VALUE", "LEASE"];

function comparison(fields: Fields): Comparison {
  const range = keyRange(fields);
  const target = enumAt(fields, "target", "target", compareTargets, "Compare_CompareTarget");
  const operator = operatorSigns[enumAt(fields, "result", "result", operators, "Compare_CompareResult")];
  if (operator === undefined)
    throw invalid(`result is ${String(fields.result)}; expected ${operators.join(", ")} or 0 to 3`);
  switch (target) {
    case 0:
      return { ...range, operator, target: "version", operand: integerAt(fields, "version", "version") };
    case 1:
      return { ...range, operator, target: "create", operand: integerAt(fields, "create_revision", "createRevision") };
    case 2:
      return { ...range, operator, target: "mod", operand: integerAt(fields, "mod_revision", "modRevision") };
    case 3:
      return { ...range, operator, target: "value", operand: base64At(fields, "value", "value") };
    case 4:
      return { ...range, operator, target: "lease", operand: integerAt(fields, "lease", "lease") };
    default:
      throw invalid(`target is ${target}; expected ${compareTargets.join(", ")} or 0 to 4`);
  }
}

/** A lease's name: etcd's are 64-bit, this store's are what a double holds. */
export function leaseAt(fields: Fields, name: string): number {
  const id = integerAt(fields, name, name);
  if (id < 0) throw invalid(`lease ${name} is ${id}; this store takes leases from 1 to 2^53-1, and 0 for none`);
  return id;
}
