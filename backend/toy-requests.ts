/** What the toy core can be asked, and its answers read, by tests and benches. */
import type { Answer, Deployment, Request } from "./api.ts";
import { oneRegion } from "./kernel/topology.ts";
import type { LinkDelays } from "./kernel/topology.ts";

/** URL of the module a backend builds its nodes from. */
export const toyCore = new URL("./runtimes/threads/toy-core.ts", import.meta.url).href;

export function toyDeployment(nodes: number, more: Partial<Deployment> = {}, links?: LinkDelays): Deployment {
  return {
    topology: oneRegion(nodes, 3, links),
    service: { kind: "tables", virtualNodes: 1, quorumTimeoutUs: 1_000_000 },
    durability: "log",
    ...more,
  };
}

export function toyPut(key: string, value: string): Request {
  return { kind: "put", table: "toy", item: { key: { S: key }, value: { S: value } } };
}

export function toyGet(key: string): Request {
  return { kind: "get", table: "toy", key: { key: { S: key } }, consistent: true };
}

/** The value an answer carries; undefined when it carries none. */
export function toyValue(answer: Answer): string | undefined {
  return answer.kind === "ok" && answer.result.kind === "item" ? answer.result.item?.value?.S : undefined;
}
