/** CreateTable, DescribeTable, DeleteTable and ListTables. Tables are active as soon as they are answered. */
import { members } from "./shapes.ts";
import { createTableMembers, describe, readTable } from "./tables.ts";
import type { TableDefaults } from "./tables.ts";
import type { Call, Operation } from "./operation.ts";
import type { Body } from "./shapes.ts";
import type { Result, TableRequest } from "../../api.ts";

const onlyName = members({
  TableName: { kind: "String", pattern: /^[a-zA-Z0-9_.-]+$/, patternText: "[a-zA-Z0-9_.-]+" },
});

function tableCall(request: TableRequest, table: string): Call {
  return { request, table, returnValues: "NONE", capacity: "NONE", paths: null, itemOnFailure: false };
}

function describedAs(member: string): Operation["answer"] {
  return (_call: Call, result: Result): string => {
    if (result.kind !== "table") throw unexpected("table", result);
    return JSON.stringify({ [member]: describe(result.table) });
  };
}

export function unexpected(expected: Result["kind"], result: Result): Error {
  return new Error(`the backend answered with the wrong kind of result: got ${result.kind}, expected ${expected}`);
}

export const createTable: Operation = {
  members: createTableMembers,
  tableNameFirst: true,
  read(body: Body, defaults: TableDefaults): Call {
    const table = readTable(body, defaults);
    return tableCall({ kind: "create-table", table }, table.name);
  },
  answer: describedAs("TableDescription"),
};

export const describeTable: Operation = {
  members: onlyName,
  tableNameFirst: true,
  read(body: Body): Call {
    const table = body.TableName as string;
    return tableCall({ kind: "describe-table", table }, table);
  },
  answer: describedAs("Table"),
};

export const deleteTable: Operation = {
  members: onlyName,
  tableNameFirst: true,
  read(body: Body): Call {
    const table = body.TableName as string;
    return tableCall({ kind: "delete-table", table }, table);
  },
  answer: describedAs("TableDescription"),
};

export const listTables: Operation = {
  members: members({
    Limit: { kind: "Integer", atLeast: 1, atMost: 100 },
    ExclusiveStartTableName: {
      kind: "String",
      pattern: /^[a-zA-Z0-9_.-]+$/,
      patternText: "[a-zA-Z0-9_.-]+",
      minLength: 3,
      maxLength: 255,
    },
  }),
  tableNameFirst: false,
  read(body: Body): Call {
    const after = body.ExclusiveStartTableName as string | undefined;
    const limit = (body.Limit as number | undefined) ?? 100;
    return tableCall(after === undefined ? { kind: "list-tables", limit } : { kind: "list-tables", after, limit }, "");
  },
  answer(_call: Call, result: Result): string {
    if (result.kind !== "tables") throw unexpected("tables", result);
    const last = result.more ? { LastEvaluatedTableName: result.names.at(-1) } : {};
    return JSON.stringify({ ...last, TableNames: result.names });
  },
};
