/**
 * A few nodes of a replicated key-value service in the simulation and what they say to one another, one line a message in the order of
 * arrival, for tests that read like a transcript. Disks and links take constant times, and who is further down the alphabet is further
 * away, so that what is said at once arrives in the order of the letters. Heartbeats and introductions are left out unless asked for.
 */
import type { Answer, KeysService, LogSpec, Request } from "../../api.ts";
import type { Core, CoreFactory } from "../../kernel/env.ts";
import type { Fault } from "../../kernel/fault.ts";
import { describeFault } from "../../kernel/fault.ts";
import { oneRegion } from "../../kernel/topology.ts";
import type { Delay } from "../../kernel/topology.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { millisecond } from "../../kernel/units.ts";
import { wordsOf } from "../../protocols/paxos/replica.fixture.ts";
import { Simulation } from "../../runtimes/simulation/simulation.ts";
import { nodeFactory } from "../node.ts";
import type { ReplicatedMessage } from "./messages.ts";

const link: Delay = { kind: "constant", us: 500 };
/** Said all the time. */
const smallTalk = ["heartbeat", "leased", "hello", "welcome", "gathered", "apply-on"];

export class Dialogue {
  readonly simulation: Simulation;
  /** Kinds of messages that are not written down. */
  hidden: readonly string[] = smallTalk;
  private readonly lines: string[] = [];

  constructor(nodes: number, more: Partial<LogSpec> = {}) {
    const topology = oneRegion(nodes, 1, { sameZone: link, betweenZones: link, betweenRegions: link, client: link });
    const log: LogSpec = {
      replicas: [0, 1, 2],
      leaseUs: 200 * millisecond,
      heartbeatUs: 40 * millisecond,
      ...more,
    };
    const service: KeysService = { kind: "keys", log };
    const build = nodeFactory({ topology, service, durability: "log" });
    const listening: CoreFactory = (env) => this.listen(env.self, build(env));
    this.simulation = new Simulation({
      topology,
      seed: 1,
      createCore: listening,
      connection: { refused: { kind: "refused", code: "down" }, lost: { kind: "unknown", code: "lost" } },
      flush: { kind: "constant", us: 200 },
    });
    this.spread();
    this.simulation.run(700 * millisecond);
    this.lines.length = 0;
  }

  inject(fault: Fault): void {
    this.lines.push(`-- ${describeFault(fault).replace(/n(\d)/g, (_, id: string) => nameOf(Number(id)))}`);
    this.simulation.inject(fault);
    if (fault.kind === "heal") this.spread();
  }

  ask(entry: NodeId, body: Request): void {
    const what = body.kind === "key-put" ? `${body.key}=${body.value}` : body.kind;
    this.lines.push(`client -> ${nameOf(entry)}: ${what}`);
    this.simulation.request(entry, body, (reply) => {
      this.lines.push(`client <- ${nameOf(entry)}: ${answerText(reply as Answer)}`);
    });
  }

  put(entry: NodeId, key: string, value: string): void {
    this.ask(entry, { kind: "key-put", key, value });
  }

  get(entry: NodeId, key: string): void {
    this.ask(entry, { kind: "key-range", key });
  }

  run(us: Micros): void {
    this.simulation.run(this.simulation.now + us);
  }

  /** What was said since the last call. */
  text(): string {
    return this.lines.splice(0).join("\n");
  }

  /** The lines that contain one of these, of what was said since the last call. */
  about(...words: readonly string[]): string {
    return this.lines
      .splice(0)
      .filter((line) => words.some((word) => line.includes(word)))
      .join("\n");
  }

  private spread(): void {
    const { length } = this.simulation.nodes;
    for (let from = 0; from < length; from++) {
      for (let to = 0; to < length; to++) {
        const delay: Delay = { kind: "constant", us: (from + to) * millisecond };
        this.simulation.inject({ kind: "delay", from: [from], to: [to], delay });
      }
    }
  }

  private listen(self: NodeId, core: Core<unknown, string, unknown>): Core<unknown, string, unknown> {
    return {
      start: () => core.start(),
      onRequest: (request, body) => core.onRequest(request, body),
      onMessage: (from, message) => {
        const said = message as ReplicatedMessage;
        if (from !== self && !this.hidden.includes(said.kind)) {
          this.lines.push(`${nameOf(from)} -> ${nameOf(self)}: ${textOf(said)}`);
        }
        core.onMessage(from, message);
      },
      onTimer: (timer, key) => core.onTimer(timer, key),
      check: () => core.check(),
      atRest: () => core.atRest?.() ?? true,
      counters: () => core.counters?.() ?? {},
    };
  }
}

function nameOf(node: NodeId): string {
  return "abcdefg"[node];
}

function textOf(message: ReplicatedMessage): string {
  switch (message.kind) {
    case "forward":
      return `forward ${message.body.kind}`;
    case "forward-answer":
      return `forward-answer ${answerText(message.answer)}`;
    case "forward-refused":
      return `forward-refused, ask ${message.leader < 0 ? "nobody" : nameOf(message.leader)}`;
    default:
      return wordsOf(message)
        .replace(/(\d+)\.(\d+)/g, (_, round: string, node: string) => `${round}${nameOf(Number(node))}`)
        .replace(/(?<=members|placement|to)(?: \d)+/, (nodes) => nodes.replace(/\d/g, (node) => nameOf(Number(node))));
  }
}

function answerText(answer: Answer): string {
  if (answer.kind !== "ok") return `${answer.kind} ${answer.code}`;
  const { result } = answer;
  if (result.kind === "key-range")
    return `ok ${result.entries.map(({ key, value }) => `${key}=${value}`).join(" ") || "nothing"}`;
  return `ok ${result.kind}`;
}
