/** A request of the differential test, and what its requests are made of. */
export interface Case {
  readonly operation: string;
  /** Text is sent as it is. */
  readonly body: object | string;
  readonly headers?: Record<string, string>;
  /** Why the door answers otherwise than the oracle; absent where the two must agree. */
  readonly differs?: string;
}

/** Several requests of one operation. */
export function of(operation: string, bodies: readonly object[], differs?: string): Case[] {
  return bodies.map((body) => ({ operation, body, ...(differs === undefined ? {} : { differs }) }));
}

export const plain = { TableName: "plain" };
export const key = { Key: { id: { S: "a" } } };
export const base = { ...plain, ...key };

/** An item with a value of every type. */
export const item = {
  id: { S: "a" },
  n: { N: "1.50" },
  s: { S: "text" },
  b: { B: "AQID" },
  t: { BOOL: true },
  z: { NULL: true },
  ss: { SS: ["x", "y"] },
  ns: { NS: ["1", "2.0"] },
  bs: { BS: ["AQ=="] },
  l: { L: [{ S: "0" }, { S: "1" }, { M: { in: { N: "7" } } }] },
  m: { M: { k: { S: "v" }, deep: { M: { er: { L: [] } } } } },
};
