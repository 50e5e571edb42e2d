/**
 * Union tables under faults: a few clients work on a few records, each either reading or adding a line. Most writes carry all the
 * lines their client read last, with the context of that read, so stale contexts, siblings and concurrent coordinators are the
 * rule and not the exception. One in five carries its line alone and no context, which a union table must not lose either.
 */
import type { Item } from "../../backend/api.ts";
import type { Micros, NodeId } from "../../backend/kernel/units.ts";
import type { SimulatedBackend } from "../../backend/simulated.ts";
import { LineHistory } from "./line-history.ts";
import { play, putRequest, ScenarioClient } from "./store-scenario.ts";
import type { ItemAnswer, StoreScenarioSpec } from "./store-scenario.ts";
import type { ScenarioRun } from "./scenario.ts";

/** What a client remembers of a record: what it read last, and with which context. */
interface Seen {
  readonly lines: Item;
  readonly context: string;
}

export function runLineScenario(spec: StoreScenarioSpec, seed: number, plant?: string): ScenarioRun {
  const loss = spec.mayLose === true;
  const history = new LineHistory(spec.records, { stale: spec.replication.sloppy || loss, loss });
  return play(spec, seed, plant, {
    history,
    client: (id, simulation) => new LineClient(id, simulation, history, spec.records, seed),
    onFinalRead: (record, read, begunAt, at) => history.onRead(record, namesOf(read), begunAt, at, true),
  });
}

class LineClient extends ScenarioClient {
  private readonly history: LineHistory;
  private readonly seen: Seen[];

  constructor(id: number, simulation: SimulatedBackend, history: LineHistory, records: number, seed: number) {
    super(id, simulation, records, seed);
    this.history = history;
    this.seen = Array.from({ length: records }, () => ({ lines: {}, context: "" }));
  }

  protected override onRead(record: number, read: ItemAnswer, begunAt: Micros): void {
    this.history.onRead(record, namesOf(read), begunAt, this.simulation.now, false);
    this.seen[record] = { lines: linesOf(read), context: read.context };
  }

  protected override write(record: number, entry: NodeId, line: string, proceed: () => void): void {
    const blind = this.random.chance(0.2);
    const { lines, context } = this.seen[record];
    const next: Item = { ...(blind ? {} : lines), [line]: { N: "1" } };
    this.history.onWrite(record, line);
    const request = putRequest(record, { lines: { M: next } }, blind ? undefined : context);
    this.simulation.request(entry, request, (answer) => {
      if (answer.kind === "ok") this.history.onWritten(record, line, this.simulation.now);
      proceed();
    });
  }
}

function linesOf({ item }: ItemAnswer): Item {
  return item?.lines?.M ?? {};
}

function namesOf(read: ItemAnswer): ReadonlySet<string> {
  return new Set(Object.keys(linesOf(read)));
}
