/** Claims that stand on the workload's own check of each run. */
import { figure, inEveryRun } from "../runners/compare/judge.ts";
import type { Judgement, Measured } from "../runners/experiment.ts";
import { designsRun } from "./charts.ts";

/** No promise is broken in any run of any design. */
export function everyCheckHolds(measured: Measured): Judgement {
  const runs = designsRun(measured).flatMap((name) => measured.of(name).runs);
  return inEveryRun(
    runs.map(({ check }) => check.held),
    `${runs.length} runs, ${figure(runs.reduce((sum, { check }) => sum + check.examined, 0))} facts examined`,
  );
}
