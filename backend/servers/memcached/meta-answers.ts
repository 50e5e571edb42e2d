/** Answers of memcached's meta protocol: two letters, and what the flags of the command asked for, in their order (doc/protocol.txt, "Meta Commands"). */
import type { CacheHit, CacheOperation, CacheOutcome } from "../../api-cache.ts";
import { failureText } from "./form.ts";
import type { Form } from "./form.ts";
import { encodeKey } from "./key-base64.ts";
import type { Output } from "./output.ts";

/** The flags as they came, parted by spaces, and what they say about the whole answer. */
abstract class MetaForm implements Form {
  readonly awaits = true;
  protected readonly flags: string;
  protected readonly quiet: boolean;
  private readonly keyEncoded: boolean;

  constructor(flags: string, quiet: boolean, keyEncoded: boolean) {
    this.flags = flags;
    this.quiet = quiet;
    this.keyEncoded = keyEncoded;
  }

  abstract write(out: Output, outcome: CacheOutcome, operation: CacheOperation): void;

  /** Flags that every answer gives back: O and k. */
  protected echo(out: Output, flag: string, operation: CacheOperation, keyEncoded = this.keyEncoded): void {
    if (flag[0] === "O") {
      out.text(" ");
      out.text(flag);
    } else if (flag[0] === "k") {
      const { key } = operation as { readonly key: string };
      out.text(" k");
      out.text(keyEncoded ? `${encodeKey(key)} b` : key);
    }
  }

  protected echoAll(out: Output, code: string, operation: CacheOperation): void {
    out.text(code);
    for (const flag of this.eachFlag()) this.echo(out, flag, operation);
    out.text("\r\n");
  }

  protected eachFlag(): readonly string[] {
    return this.flags === "" ? none : this.flags.split(" ");
  }
}

const none: readonly string[] = [];

/** The one form of nearly every get: no more than the value. */
export const metaValueForm: Form = {
  awaits: true,
  write: (out, outcome) => {
    if (outcome.kind === "hit") {
      out.text("VA ");
      out.number(outcome.bytes);
      recaching(out, outcome);
      out.text("\r\n");
      out.value(outcome.value);
      out.text("\r\n");
    } else out.text(failureText(outcome) ?? "EN\r\n");
  },
};

export class MetaGetForm extends MetaForm {
  private readonly withValue: boolean;

  constructor(flags: string, quiet: boolean, keyEncoded: boolean, withValue: boolean) {
    super(flags, quiet, keyEncoded);
    this.withValue = withValue;
  }

  write(out: Output, outcome: CacheOutcome, operation: CacheOperation): void {
    if (outcome.kind !== "hit") {
      const failure = failureText(outcome);
      if (failure !== undefined) out.text(failure);
      else if (!this.quiet) this.echoAll(out, "EN", operation);
      return;
    }
    if (this.withValue) {
      out.text("VA ");
      out.number(outcome.bytes);
    } else out.text("HD");
    let touched = false;
    for (const flag of this.eachFlag()) {
      if (flag[0] === "T" || flag[0] === "N") touched = true;
      else this.tell(out, flag, outcome, touched, operation);
    }
    recaching(out, outcome);
    out.text("\r\n");
    if (!this.withValue) return;
    out.value(outcome.value);
    out.text("\r\n");
  }

  private tell(out: Output, flag: string, hit: CacheHit, touched: boolean, operation: CacheOperation): void {
    switch (flag[0]) {
      case "s":
        tellNumber(out, " s", hit.bytes);
        break;
      case "t":
        tellTtl(out, touched ? hit.ttlS : hit.ttlBeforeS);
        break;
      case "c":
        tellNumber(out, " c", hit.cas);
        break;
      case "f":
        tellNumber(out, " f", hit.flags);
        break;
      case "l":
        tellNumber(out, " l", hit.idleS);
        break;
      case "h":
        out.text(hit.fetched ? " h1" : " h0");
        break;
      default:
        this.echo(out, flag, operation, hit.keyEncoded);
    }
  }
}

/** Another client has won (Z), the item is stale (X), you have won (W). */
function recaching(out: Output, hit: CacheHit): void {
  if (hit.taken) out.text(" Z");
  if (hit.stale) out.text(" X");
  if (hit.won) out.text(" W");
}

function tellNumber(out: Output, flag: string, value: number): void {
  out.text(flag);
  out.number(value);
}

/** Below 0 would be an item that is gone; it comes only with a touch into the past. */
function tellTtl(out: Output, ttlS: number): void {
  if (ttlS === Infinity) out.text(" t-1");
  else tellNumber(out, " t", ttlS >>> 0);
}

const setCodes: Readonly<Record<string, string>> = { stored: "HD", "not-stored": "NS", changed: "EX", missing: "NF" };

export class MetaSetForm extends MetaForm {
  write(out: Output, outcome: CacheOutcome, operation: CacheOperation): void {
    const code = setCodes[outcome.kind];
    if (code === undefined) {
      out.text(failureText(outcome) ?? "SERVER_ERROR\r\n");
      return;
    }
    if (code === "HD" && this.quiet) return;
    out.text(code);
    for (const flag of this.eachFlag()) {
      if (flag[0] === "c") tellNumber(out, " c", outcome.kind === "stored" ? outcome.cas : 0);
      else this.echo(out, flag, operation);
    }
    out.text("\r\n");
  }
}

/** The set that asks for nothing back. */
export const metaSetForm: Form = new MetaSetForm("", false, false);
export const quietMetaSetForm: Form = new MetaSetForm("", true, false);

export class MetaDeleteForm extends MetaForm {
  write(out: Output, outcome: CacheOutcome, operation: CacheOperation): void {
    const failure = failureText(outcome);
    if (failure !== undefined) out.text(failure);
    else if (outcome.kind === "deleted") {
      if (!this.quiet) this.echoAll(out, "HD", operation);
    } else this.echoAll(out, outcome.kind === "changed" ? "EX" : "NF", operation);
  }
}

export class MetaArithmeticForm extends MetaForm {
  private readonly withValue: boolean;

  constructor(flags: string, quiet: boolean, keyEncoded: boolean, withValue: boolean) {
    super(flags, quiet, keyEncoded);
    this.withValue = withValue;
  }

  write(out: Output, outcome: CacheOutcome, operation: CacheOperation): void {
    if (outcome.kind !== "counted") {
      const failure = failureText(outcome);
      if (failure !== undefined) out.text(failure);
      else this.echoAll(out, outcome.kind === "changed" ? "EX" : outcome.kind === "missing" ? "NF" : "NS", operation);
      return;
    }
    if (this.quiet && !outcome.made) return;
    const text = outcome.value.toString();
    if (this.withValue) tellNumber(out, "VA ", text.length);
    else out.text("HD");
    let ttlS = outcome.ttlBeforeS;
    for (const flag of this.eachFlag()) {
      if (flag[0] === "c") tellNumber(out, " c", outcome.cas);
      else if (flag[0] === "t") tellTtl(out, ttlS);
      else if (flag[0] === "T") ttlS = touchOf(operation) ?? ttlS;
      else if (flag[0] === "N") ttlS = outcome.made ? (vivifyOf(operation) ?? ttlS) : ttlS;
      else this.echo(out, flag, operation);
    }
    out.text("\r\n");
    if (!this.withValue) return;
    out.text(text);
    out.text("\r\n");
  }
}

function touchOf(operation: CacheOperation): number | undefined {
  return operation.kind === "arithmetic" ? operation.touchS : undefined;
}

function vivifyOf(operation: CacheOperation): number | undefined {
  return operation.kind === "arithmetic" ? operation.vivifyS : undefined;
}

/** What is known of an item but its value. There are no slab classes here: one stands for all. */
export const metaDebugForm: Form = {
  awaits: true,
  write: (out, outcome, operation) => {
    if (outcome.kind !== "hit") {
      out.text(failureText(outcome) ?? "EN\r\n");
      return;
    }
    const { key } = operation as { readonly key: string };
    const { ttlS, idleS, cas, fetched, bytes, keyEncoded } = outcome;
    const exp = ttlS === Infinity ? -1 : -ttlS;
    const size = key.length + bytes + itemBytes;
    out.text(`ME ${keyEncoded ? encodeKey(key) : key} exp=${exp} la=${idleS} cas=${cas} `);
    out.text(`fetch=${fetched ? "yes" : "no"} cls=1 size=${size}\r\n`);
  },
};

const itemBytes = 44;
