/** The toy core's load for the kill harness. */
import type { KillLoad } from "./kill-harness.ts";
import { toyCore, toyDeployment, toyGet, toyPut, toyValue } from "./toy-requests.ts";

export const deployment: KillLoad["deployment"] = toyDeployment(3);
export const createNode: KillLoad["createNode"] = toyCore;
export const write: KillLoad["write"] = (i) => toyPut(`key ${i}`, `value ${i}`);
export const read: KillLoad["read"] = (i) => toyGet(`key ${i}`);
export const holds: KillLoad["holds"] = (i, answer) => toyValue(answer) === `value ${i}`;
