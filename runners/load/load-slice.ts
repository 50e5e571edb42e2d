/** One slice of a load on an HTTP service, in a generator worker: `worker.ts` paces it, this is what it asks and of whom. */
import type { CheckCounts } from "./check-tally.ts";
import { CheckTally } from "./check-tally.ts";
import { FileWorkload, RepeatedCall, type HttpSessions } from "./http-requests.ts";
import { HttpTarget } from "./http-target.ts";
import type { HttpLoad } from "./load-plan.ts";
import { loadWorkloadFile } from "./workload-file.ts";

export interface HttpSlice {
  readonly target: HttpTarget;
  readonly sessions: HttpSessions;
  counts(): CheckCounts;
}

export async function openHttpSlice({ endpoint, source, checks, shared }: HttpLoad): Promise<HttpSlice> {
  const tally = new CheckTally();
  const origin = new URL(endpoint.origin);
  const sessions =
    source.kind === "call"
      ? new RepeatedCall(origin, source.call, checks, tally)
      : new FileWorkload(origin, await loadWorkloadFile(source.path), shared, checks, tally);
  return { target: new HttpTarget(endpoint), sessions, counts: () => tally.counts() };
}
