/** What the report can draw: the charts that a results file holds, and those that it makes of a file's runs itself. */
import type { Band, Chart, Timeline } from "../../runners/results.ts";

/** How many operations ended when and how late; one panel a design. Every timeline has its `latencies`. */
export interface LatenciesChart {
  readonly kind: "latencies";
  readonly title: string;
  readonly reading: string;
  readonly bands: readonly Band[];
  readonly panels: readonly { readonly design: string; readonly timeline: Timeline }[];
}

export type ReportChart = Chart | LatenciesChart;
