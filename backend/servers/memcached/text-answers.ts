/** Answers of memcached's classic text protocol (doc/protocol.txt). */
import type { CacheOperation, CacheOutcome } from "../../api-cache.ts";
import { failureText } from "./form.ts";
import type { Form } from "./form.ts";
import type { Output } from "./output.ts";

/** One key of a "get": VALUE when it is there; END behind the last. A command of which a key failed ends in an error instead, and no client takes it for a miss. */
class ValueForm implements Form {
  readonly awaits = true;
  private readonly last: boolean;
  private readonly withCas: boolean;

  constructor(last: boolean, withCas: boolean) {
    this.last = last;
    this.withCas = withCas;
  }

  write(out: Output, outcome: CacheOutcome, operation: CacheOperation): void {
    if (outcome.kind === "hit") {
      out.text("VALUE ");
      out.text((operation as { key: string }).key);
      out.text(" ");
      out.number(outcome.flags);
      out.text(" ");
      out.number(outcome.bytes);
      if (this.withCas) {
        out.text(" ");
        out.number(outcome.cas);
      }
      out.text("\r\n");
      out.value(outcome.value);
      out.text("\r\n");
    } else if (outcome.kind !== "missing") out.failure = failureText(outcome);
    if (!this.last) return;
    out.text(out.failure ?? "END\r\n");
    out.failure = undefined;
  }
}

export interface GetForms {
  readonly each: Form;
  readonly last: Form;
}

export const getForms: GetForms = { each: new ValueForm(false, false), last: new ValueForm(true, false) };
export const getsForms: GetForms = { each: new ValueForm(false, true), last: new ValueForm(true, true) };

/** All that is answered in one line: stores, deletes, touches, numbers, flushes. */
export const statusForm: Form = {
  awaits: true,
  write: (out, outcome) => {
    if (outcome.kind === "counted") {
      out.text(outcome.value.toString());
      out.text("\r\n");
    } else out.text(statusLines[outcome.kind] ?? failureText(outcome) ?? "SERVER_ERROR\r\n");
  },
};

const statusLines: Readonly<Record<string, string>> = {
  stored: "STORED\r\n",
  "not-stored": "NOT_STORED\r\n",
  changed: "EXISTS\r\n",
  missing: "NOT_FOUND\r\n",
  deleted: "DELETED\r\n",
  touched: "TOUCHED\r\n",
  flushed: "OK\r\n",
};
