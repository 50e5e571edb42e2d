/**
 * Tables of siblings and of the last writer under faults: each write puts a value of its own or deletes. With siblings it carries
 * the context of what its client read last and so covers exactly that; the last writer carries none.
 */
import type { Micros, NodeId } from "../../backend/kernel/units.ts";
import type { SimulatedBackend } from "../../backend/simulated.ts";
import { deleteRequest, play, putRequest, ScenarioClient } from "./store-scenario.ts";
import type { ItemAnswer, StoreScenarioSpec } from "./store-scenario.ts";
import type { ScenarioRun } from "./scenario.ts";
import type { Promises } from "./value-history.ts";
import { ValueHistory } from "./value-history.ts";

interface Seen {
  readonly values: readonly string[];
  readonly context: string;
}

export function runValueScenario(
  spec: StoreScenarioSpec & { readonly merge: Promises },
  seed: number,
  plant?: string,
): ScenarioRun {
  const history = new ValueHistory(spec.records, spec.merge, spec.replication.sloppy);
  return play(spec, seed, plant, {
    history,
    client: (id, simulation) => new ValueClient(id, simulation, history, spec, seed),
    onFinalRead: (record, read, begunAt) => history.onRead(record, valuesOf(read), begunAt, true),
  });
}

class ValueClient extends ScenarioClient {
  private readonly history: ValueHistory;
  private readonly withContext: boolean;
  private readonly seen: Seen[];

  constructor(
    id: number,
    simulation: SimulatedBackend,
    history: ValueHistory,
    { records, merge }: StoreScenarioSpec,
    seed: number,
  ) {
    super(id, simulation, records, seed);
    this.history = history;
    this.withContext = merge === "siblings";
    this.seen = Array.from({ length: records }, () => ({ values: [], context: "" }));
  }

  protected override onRead(record: number, read: ItemAnswer, begunAt: Micros): void {
    const values = valuesOf(read);
    this.history.onRead(record, values, begunAt, false);
    this.seen[record] = { values, context: read.context };
  }

  protected override write(record: number, entry: NodeId, name: string, proceed: () => void): void {
    const deletes = this.random.chance(0.3);
    const { values, context } = this.withContext ? this.seen[record] : { values: [], context: undefined };
    const write = this.history.onWrite(record, name, deletes, values, this.simulation.now);
    const request = deletes ? deleteRequest(record, context) : putRequest(record, { value: { S: name } }, context);
    this.simulation.request(entry, request, ({ kind }) => {
      if (kind === "ok") this.history.onWritten(write, this.simulation.now);
      else if (kind === "refused") write.refused = true;
      proceed();
    });
  }
}

function valuesOf({ siblings }: ItemAnswer): string[] {
  return siblings.flatMap(({ value }) => value.S ?? []);
}
