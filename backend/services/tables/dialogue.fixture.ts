/**
 * A few nodes in the simulation and what they say to one another, one line a message in the order of arrival, for tests that
 * read like a transcript. Disks take constant times, and links constant ones that differ by far more than nodes linger, so that
 * what is said at once arrives in the order of the letters. Minting names are letters too, in the order they appear.
 */
import type { Answer, Replication, TableRequest, TablesService, TableSpec } from "../../api.ts";
import type { Core, CoreFactory } from "../../kernel/env.ts";
import type { Fault } from "../../kernel/fault.ts";
import { describeFault } from "../../kernel/fault.ts";
import { oneRegion } from "../../kernel/topology.ts";
import type { Delay } from "../../kernel/topology.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { millisecond, second } from "../../kernel/units.ts";
import type { Versions } from "../../protocols/quorum/versions.ts";
import { Simulation } from "../../runtimes/simulation/simulation.ts";
import { nodeFactory } from "../node.ts";
import type { TablesMessage } from "./messages.ts";
import { Placements } from "./placements.ts";

const link: Delay = { kind: "constant", us: 500 };
const strict: Replication = { n: 3, r: 2, w: 2, sloppy: false };

export function tableSpec(more: Partial<TableSpec> = {}): TableSpec {
  return {
    name: "t",
    hashKey: { name: "id", type: "S" },
    merge: "union",
    replication: strict,
    capacity: { kind: "unlimited" },
    partitions: 8,
    ...more,
  };
}

export class Dialogue {
  readonly simulation: Simulation;
  /** Every node in ring order for the record "x": its replicas come first. */
  readonly walk: readonly NodeId[];
  private readonly lines: string[] = [];
  private readonly actors = new Map<string, string>();
  private readonly spec: TableSpec;

  constructor(nodes: number, spec: TableSpec = tableSpec()) {
    this.spec = spec;
    const topology = oneRegion(nodes, 1, { sameZone: link, betweenZones: link, betweenRegions: link, client: link });
    const service: TablesService = {
      kind: "tables",
      virtualNodes: 8,
      quorumTimeoutUs: second,
      tables: [spec],
    };
    const build = nodeFactory({ topology, service, durability: "log" });
    const entry = { spec, version: 1, id: `${spec.name}.1`, createdAt: 0, deleted: false };
    this.walk = new Placements(topology, service).of(entry, "x", "x").target.walk;
    const listening: CoreFactory = (env) => this.listen(env.self, build(env));
    this.simulation = new Simulation({
      topology,
      seed: 1,
      createCore: listening,
      connection: { refused: { kind: "refused", code: "down" }, lost: { kind: "unknown", code: "lost" } },
      flush: { kind: "constant", us: 200 },
    });
    this.spread();
    this.simulation.run(50 * millisecond);
    this.lines.length = 0;
  }

  get now(): Micros {
    return this.simulation.now;
  }

  /** The node at that place of the record's walk, as transcripts name it. */
  node(place: number): NodeId {
    return this.walk[place];
  }

  note(text: string): void {
    this.lines.push(`-- ${text}`);
  }

  inject(fault: Fault): void {
    this.lines.push(`-- ${describeFault(fault).replace(/n(\d)/g, (_, id: string) => this.nameOf(Number(id)))}`);
    this.simulation.inject(fault);
    if (fault.kind === "heal") this.spread();
  }

  ask(entry: NodeId, body: TableRequest, then: (answer: Answer) => void = () => undefined): void {
    this.lines.push(`client -> ${this.nameOf(entry)}: ${body.kind}`);
    this.simulation.request(entry, body, (reply) => {
      const answer = reply as Answer;
      this.lines.push(`client <- ${this.nameOf(entry)}: ${this.answerText(answer)}`);
      then(answer);
    });
  }

  put(entry: NodeId, tags: readonly string[], more: Partial<Extract<TableRequest, { kind: "put" }>> = {}): void {
    const item = { id: { S: "x" }, tags: { SS: tags } };
    this.ask(entry, { kind: "put", table: this.spec.name, item, ...more });
  }

  get(entry: NodeId, consistent = true): void {
    this.ask(entry, { kind: "get", table: this.spec.name, key: { id: { S: "x" } }, consistent });
  }

  run(us: Micros): void {
    this.simulation.run(this.simulation.now + us);
  }

  /** What was said since the last call. */
  text(): string {
    return this.lines.splice(0).join("\n");
  }

  /** The further along the walk, the further away. */
  private spread(): void {
    this.walk.forEach((from, i) => {
      this.walk.forEach((to, j) => {
        const delay: Delay = { kind: "constant", us: (i + j) * millisecond };
        this.simulation.inject({ kind: "delay", from: [from], to: [to], delay });
      });
    });
  }

  private listen(self: NodeId, core: Core<unknown, string, unknown>): Core<unknown, string, unknown> {
    return {
      start: () => core.start(),
      onRequest: (request, body) => core.onRequest(request, body),
      onMessage: (from, message) => {
        const words = this.words(message as TablesMessage);
        if (words !== null) this.lines.push(`${this.nameOf(from)} -> ${this.nameOf(self)}: ${words}`);
        core.onMessage(from, message);
      },
      onTimer: (timer, key) => core.onTimer(timer, key),
      check: () => core.check(),
      atRest: () => core.atRest?.() ?? true,
      counters: () => core.counters?.() ?? {},
    };
  }

  /** a, b, c are the record's replicas, d and on the others. */
  private nameOf(node: NodeId): string {
    return "abcdefghij"[this.walk.indexOf(node)];
  }

  private words(message: TablesMessage): string | null {
    switch (message.kind) {
      case "store": {
        const standIn = message.standInFor < 0 ? "" : ` for ${this.nameOf(message.standInFor)}`;
        return `store${standIn} ${this.versionsText(message.versions)}`;
      }
      case "fetched":
      case "repair":
      case "hand":
        return `${message.kind} ${this.versionsText(message.versions)}`;
      case "forward":
        return `forward ${message.body.kind}`;
      case "forward-answer":
        return `forward-answer ${this.answerText(message.answer)}`;
      case "ping":
      case "pong":
      case "catalog-ask":
        return null;
      default:
        return message.kind;
    }
  }

  private answerText(answer: Answer): string {
    if (answer.kind !== "ok") return `${answer.kind} ${answer.code}`;
    if (answer.result.kind === "item") return `ok [${answer.result.item?.tags?.SS?.join(" ") ?? "nothing"}]`;
    return answer.result.kind === "written" ? "ok written" : `ok ${answer.result.kind}`;
  }

  private versionsText({ clock, siblings }: Versions): string {
    const dot = (actor: string, counter: number): string => `${this.actorName(actor)}${counter}`;
    const known = clock.map(([actor, counter]) => dot(actor, counter)).sort();
    const held = siblings.map(
      ({ actor, counter, item }) => `${dot(actor, counter)}=${item?.tags?.SS?.join(" ") ?? "-"}`,
    );
    return `{${known.join(" ")}: ${held.sort().join(", ")}}`;
  }

  private actorName(actor: string): string {
    const known = this.actors.get(actor) ?? "ABCDEFGHIJ"[this.actors.size];
    this.actors.set(actor, known);
    return known;
  }
}
