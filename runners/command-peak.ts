/** `wavetank peak [url]`: the closed-loop peak of the reference or of any service that speaks DynamoDB's JSON. */
import { UsageError } from "./command-error.ts";
import * as values from "./command-values.ts";

export interface PeakFlags {
  readonly connections?: string;
  readonly for?: string;
}

export interface PeakOptions {
  /** Absent: the reference backend, started for the probe. */
  readonly url?: string;
  readonly connections: number;
  readonly forS: number;
}

/** @throws UsageError for a value that does not fit */
export function peakOptions(url: string | undefined, flags: PeakFlags): PeakOptions {
  if (url !== undefined && !URL.canParse(url)) {
    throw new UsageError({
      what: "the service to probe is no URL",
      got: url,
      expected: "an http or https URL of a service that speaks DynamoDB's JSON",
      fix: "write http://127.0.0.1:8000, or leave it out to probe the reference",
    });
  }
  return {
    url,
    connections: values.parseConnections(flags.connections ?? "64"),
    forS: values.parseDuration(flags.for ?? "5s"),
  };
}
