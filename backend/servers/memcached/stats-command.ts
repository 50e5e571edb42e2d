/**
 * The forms of "stats". What memcached tells about its slabs, threads and buffers has no counterpart here and is left out: a monitor that asks for a figure
 * finds the true one or none. All figures are of the node that answered and of the door it was asked at.
 */
import type { CacheOutcome } from "../../api-cache.ts";
import type { Conversation } from "./conversation.ts";
import { Line, failureText, lines } from "./form.ts";
import type { Form } from "./form.ts";
import type { Output } from "./output.ts";
import { PrefixCounts } from "./prefix-counts.ts";
import type { Tokens } from "./tokens.ts";

/** What a door knows of itself. */
export interface DoorFigures {
  readonly version: string;
  readonly host: string;
  readonly port: number;
  readonly maxConnections: number;
  readonly maxItemBytes: number;
  readonly operationsPerTurn: number;
  readonly startedAtMs: number;
  readonly connections: number;
  readonly totalConnections: number;
  readonly rejectedConnections: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

export type Stat = readonly [name: string, value: string | number];

/** Which of the node's figures a form of "stats" shows, besides the door's. */
export type StatsKind = "general" | "settings" | "items" | "slabs";

function generalStats(door: DoorFigures, node: Readonly<Record<string, number>>): Stat[] {
  const { user, system } = process.cpuUsage();
  return [
    ["pid", process.pid],
    ["uptime", Math.floor((Date.now() - door.startedAtMs) / 1_000)],
    ["time", Math.floor(Date.now() / 1_000)],
    ["version", door.version],
    ["pointer_size", 64],
    ["rusage_user", (user / 1_000_000).toFixed(6)],
    ["rusage_system", (system / 1_000_000).toFixed(6)],
    ["max_connections", door.maxConnections],
    ["curr_connections", door.connections],
    ["total_connections", door.totalConnections],
    ["rejected_connections", door.rejectedConnections],
    ["bytes_read", door.bytesRead],
    ["bytes_written", door.bytesWritten],
    ["threads", 1],
    ...Object.entries(node),
  ];
}

function settingsStats(door: DoorFigures, node: Readonly<Record<string, number>>): Stat[] {
  return [
    ["maxbytes", node.limit_maxbytes],
    ["maxconns", door.maxConnections],
    ["tcpport", door.port],
    ["udpport", 0],
    ["inter", door.host],
    ["verbosity", 0],
    ["evictions", "on"],
    ["domain_socket", "NULL"],
    ["shutdown_command", "no"],
    ["num_threads", 1],
    ["stat_key_prefix", ":"],
    ["reqs_per_event", door.operationsPerTurn],
    ["cas_enabled", "yes"],
    ["binding_protocol", "auto-negotiate"],
    ["auth_enabled_sasl", "no"],
    ["item_size_max", door.maxItemBytes],
    ["maxconns_fast", "yes"],
    ["flush_enabled", "yes"],
    ["dump_enabled", "no"],
    ["hash_algorithm", "halfsiphash"],
  ];
}

/** There is one class of items, which takes all sizes. */
function itemsStats(node: Readonly<Record<string, number>>): Stat[] {
  if (node.curr_items === 0) return [];
  return [
    ["items:1:number", node.curr_items],
    ["items:1:mem_requested", node.bytes],
    ["items:1:evicted", node.evictions],
    ["items:1:evicted_unfetched", node.evicted_unfetched],
    ["items:1:expired_unfetched", node.expired_unfetched],
    ["items:1:reclaimed", node.reclaimed],
    ["items:1:outofmemory", 0],
  ];
}

/** Without slabs there is nothing to tell but that. */
function slabsStats(node: Readonly<Record<string, number>>): Stat[] {
  return [
    ["active_slabs", 0],
    ["total_malloced", node.limit_maxbytes],
  ];
}

export function statsOf(kind: StatsKind, door: DoorFigures, outcome: CacheOutcome): Stat[] | undefined {
  if (outcome.kind !== "stats") return undefined;
  const { stats } = outcome;
  switch (kind) {
    case "general":
      return generalStats(door, stats);
    case "settings":
      return settingsStats(door, stats);
    case "items":
      return itemsStats(stats);
    case "slabs":
      return slabsStats(stats);
  }
}

class StatsForm implements Form {
  readonly awaits = true;
  private readonly kind: StatsKind;
  private readonly door: DoorFigures;

  constructor(kind: StatsKind, door: DoorFigures) {
    this.kind = kind;
    this.door = door;
  }

  write(out: Output, outcome: CacheOutcome): void {
    const stats = statsOf(this.kind, this.door, outcome);
    if (stats === undefined) {
      out.text(failureText(outcome) ?? "SERVER_ERROR\r\n");
      return;
    }
    for (const [name, value] of stats) out.text(`STAT ${name} ${value}\r\n`);
    out.text("END\r\n");
  }
}

const resetForm: Form = { awaits: true, write: (out, outcome) => out.text(failureText(outcome) ?? "RESET\r\n") };
const detailUsage = new Line("CLIENT_ERROR usage: stats detail on|off|dump\r\n");
const sizesDisabled = new Line("STAT sizes_status disabled\r\nEND\r\n");
const dumpRefused = new Line("CLIENT_ERROR stats cachedump not allowed\r\n");
const badLine = new Line("CLIENT_ERROR bad command line\r\n");

export class StatsCommand {
  readonly prefixes = new PrefixCounts();
  private readonly forms: Readonly<Record<string, Form>>;

  constructor(door: DoorFigures) {
    this.forms = {
      general: new StatsForm("general", door),
      settings: new StatsForm("settings", door),
      items: new StatsForm("items", door),
      slabs: new StatsForm("slabs", door),
    };
  }

  read(c: Conversation, tokens: Tokens): void {
    const name = tokens.count === 1 ? "general" : tokens.at(1);
    switch (name) {
      case "general":
        if (tokens.count > 1) c.say(lines.error);
        else c.add({ kind: "stats" }, this.forms.general);
        break;
      case "settings":
      case "items":
      case "slabs":
        c.add({ kind: "stats" }, this.forms[name]);
        break;
      case "reset":
        c.add({ kind: "stats", reset: true }, resetForm);
        break;
      case "sizes":
        c.say(sizesDisabled);
        break;
      case "detail":
        this.detail(c, tokens);
        break;
      case "cachedump":
        c.say(cachedumpAnswer(tokens));
        break;
      default:
        c.say(lines.error);
    }
  }

  private detail(c: Conversation, tokens: Tokens): void {
    const what = tokens.count > 2 ? tokens.at(2) : "";
    if (what === "dump") c.say({ awaits: false, write: (out) => out.text(this.prefixes.dump()) });
    else if (what === "on" || what === "off") {
      this.prefixes.on = what === "on";
      c.say(lines.ok);
    } else c.say(detailUsage);
  }
}

/** As by a memcached that has it switched off, once the line is a right one. */
function cachedumpAnswer(tokens: Tokens): Line {
  if (tokens.count < 4) return badLine;
  return tokens.uint32(2) === undefined || tokens.uint32(3) === undefined ? lines.badFormat : dumpRefused;
}
