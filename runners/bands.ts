/** Faults as bands of time for charts and captions: from the injection to its opposite, or to the end of the load. */
import { describeFault, type Fault, type FaultPlan } from "../backend/kernel/fault.ts";
import { second, type Micros } from "../backend/kernel/units.ts";
import type { Band } from "./results.ts";

export function faultBands(faults: FaultPlan, forUs: Micros): Band[] {
  const ordered = faults.toSorted((a, b) => a.atUs - b.atUs);
  const bands: Band[] = [];
  ordered.forEach(({ atUs, fault }, i) => {
    if (isEnd(fault)) return;
    const end = ordered.slice(i + 1).find((later) => ends(later.fault, fault));
    const toUs = fault.kind === "pause" || fault.kind === "hold" ? atUs + fault.forUs : (end?.atUs ?? forUs);
    bands.push({ fromS: atUs / second, toS: Math.min(toUs, forUs) / second, label: describeFault(fault) });
  });
  return bands;
}

/** Faults that only undo others have no band of their own. */
function isEnd(fault: Fault): boolean {
  return fault.kind === "restart" || fault.kind === "heal" || (fault.kind === "slow" && fault.factor === 1);
}

function ends(later: Fault, fault: Fault): boolean {
  switch (fault.kind) {
    case "crash":
      return later.kind === "restart" && fault.nodes.every((node) => later.nodes.includes(node));
    case "slow":
      return later.kind === "slow" && fault.nodes.every((node) => later.nodes.includes(node));
    case "disk":
      return later.kind === "disk" && fault.nodes.every((node) => later.nodes.includes(node));
    case "partition":
    case "delay":
    case "drop":
    case "duplicate":
      return later.kind === "heal";
    default:
      return false;
  }
}
