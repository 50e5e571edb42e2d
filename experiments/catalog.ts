/** Every experiment, in the order of a report. A new one is a file beside this and a line here. */
import type { Experiment } from "../runners/experiment.ts";
import { adaptiveCapacity } from "./adaptive-capacity.ts";
import { cachePolicy } from "./cache-policy.ts";
import { cartMerge } from "./cart-merge.ts";
import { commitWait } from "./commit-wait.ts";
import { consistencyPrice } from "./consistency-price.ts";
import { dispatchRing } from "./dispatch-ring.ts";
import { failureDetection } from "./failure-detection.ts";
import { herdExperiment } from "./herd.ts";
import { idempotency } from "./idempotency.ts";
import { leaderFailure } from "./leader-failure.ts";
import { leapSecond } from "./leap-second.ts";
import { outbox } from "./outbox.ts";
import { quorumPrice } from "./quorum-price.ts";
import { replication } from "./replication.ts";
import { readPrice } from "./read-price.ts";
import { retryStorm } from "./retry-storm.ts";
import { shadow } from "./shadow.ts";
import { tabletSplit } from "./tablet-split.ts";
import { slowReplica } from "./slow-replica.ts";
import { tailAtScale } from "./tail-at-scale.ts";
import { tailUnderLoad } from "./tail-under-load.ts";
import { twoPhaseCommit } from "./two-phase-commit.ts";
import { virtualNodes } from "./virtual-nodes.ts";
import { zoneLoss } from "./zone-loss.ts";

export const catalog: readonly Experiment[] = [
  adaptiveCapacity,
  retryStorm,
  virtualNodes,
  cartMerge,
  quorumPrice,
  idempotency,
  outbox,
  tabletSplit,
  leaderFailure,
  failureDetection,
  dispatchRing,
  consistencyPrice,
  readPrice,
  commitWait,
  leapSecond,
  twoPhaseCommit,
  replication,
  tailAtScale,
  tailUnderLoad,
  slowReplica,
  herdExperiment,
  zoneLoss,
  shadow,
  cachePolicy,
];
