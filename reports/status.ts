/** Status words with an icon: shape and word carry the meaning, colour only helps. */
import type { ClaimStatus, ExperimentResult, JudgedMetric } from "../runners/results.ts";
import { html, trusted, type Markup } from "./markup.ts";

type Status = ExperimentResult["status"] | ClaimStatus;

const icons: Readonly<Record<Status | JudgedMetric["verdict"], string>> = {
  held: '<path d="M3.5 8.5l3 3 6-7"/>',
  failed: '<path d="M4 4l8 8M12 4l-8 8"/>',
  undecided: '<path d="M2.5 9c1.8-3 3.6-3 5.5-1s3.7 2 5.5-1"/>',
  invalid: '<path d="M8 2.5v7M8 12.4v1"/>',
  interrupted: '<path d="M5.5 3.5v9M10.5 3.5v9"/>',
  better: '<path d="M3.5 8.5l3 3 6-7"/>',
  worse: '<path d="M4 4l8 8M12 4l-8 8"/>',
  equal: '<path d="M3 5.8h10M3 10.2h10"/>',
};

const rank: Readonly<Record<Status, number>> = { failed: 0, invalid: 1, interrupted: 2, undecided: 3, held: 4 };

export function statusBadge(status: Status | JudgedMetric["verdict"]): Markup {
  return html`<span class="badge ${status}"
    ><svg
      width="16"
      height="16"
      viewBox="0 0 16 16"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      stroke-width="2.2"
      stroke-linecap="round"
      stroke-linejoin="round"
    >
      ${trusted(icons[status])}</svg
    >${status}</span
  >`;
}

const tankLabels: Readonly<Record<ExperimentResult["tank"], string>> = {
  threads: "threads, this machine",
  simulation: "simulation, virtual time",
  service: "a service at a URL",
};

/** Failed first. */
export function byStatus(a: { status: Status }, b: { status: Status }): number {
  return rank[a.status] - rank[b.status];
}

export function tankLabel(tank: ExperimentResult["tank"]): string {
  return tankLabels[tank];
}

/** `6 held, 1 failed`, worst first. */
export function countStatuses(experiments: readonly { status: Status }[]): string {
  const counts = new Map<Status, number>();
  for (const { status } of [...experiments].sort(byStatus)) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${count} ${status}`).join(", ");
}
