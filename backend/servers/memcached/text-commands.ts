/**
 * Reads commands of memcached's text protocols (doc/protocol.txt) off a conversation. What the document leaves open is as memcached 1.6 does it: which check
 * comes first, what is passed over after an error, and which errors "noreply" silences.
 */
import { maxCacheKeyBytes } from "../../api-cache.ts";
import type { StoreMode } from "../../api-cache.ts";
import { ttlOf } from "./conversation.ts";
import type { Conversation } from "./conversation.ts";
import { Line, Regardless, lines, silent, tooLargeText } from "./form.ts";
import { MetaCommands } from "./meta-commands.ts";
import type { CommandLine } from "./meta-commands.ts";
import { StatsCommand } from "./stats-command.ts";
import type { DoorFigures } from "./stats-command.ts";
import { getForms, getsForms, statusForm } from "./text-answers.ts";
import type { GetForms } from "./text-answers.ts";
import { Tokens } from "./tokens.ts";

/** A line that has not ended after so many bytes ends the connection, unless it is a "get" of many keys. */
const maxLineBytes = 2_048;
const maxGetLineBytes = 1_048_576;
const maxLeadingSpaces = 100;

/** What memcached keeps besides key and value: its header, a CAS value, the ends of key and value, and flags that are not 0. */
const itemOverheadBytes = 48 + 8 + 1 + 2;

export class TextCommands implements CommandLine {
  private readonly tokens = new Tokens();
  private readonly meta: MetaCommands;
  readonly stats: StatsCommand;
  private readonly maxItemBytes: number;
  private readonly version: Line;
  /** Where the line that is being read ends, and where the next begins. */
  private lineEnd = 0;
  private next = 0;

  constructor(maxItemBytes: number, figures: DoorFigures) {
    this.maxItemBytes = maxItemBytes;
    this.version = new Line(`VERSION ${figures.version}\r\n`);
    this.stats = new StatsCommand(figures);
    this.meta = new MetaCommands(this, this.tokens);
  }

  /** Reads up to `limit` operations' worth of commands; leaves what is not complete. */
  read(c: Conversation, limit: number): void {
    while (c.at < c.end && c.forms.length < limit && !c.closing) {
      if (c.swallow > 0) c.skip(c.swallow);
      else if (!this.readOne(c)) return;
    }
  }

  /** False: the next command is not complete. */
  private readOne(c: Conversation): boolean {
    const { text, at } = c;
    const lineFeed = text.indexOf("\n", at);
    if (lineFeed < 0) {
      c.wanted = 0;
      c.patienceBytes = maxLineBytes;
      if (c.end - at > maxLineBytes) {
        c.patienceBytes = maxGetLineBytes;
        if (!this.mayGrow(text, at, c.end)) c.closing = true;
      }
      return false;
    }
    this.next = lineFeed + 1;
    this.lineEnd = lineFeed - at > 1 && text.charCodeAt(lineFeed - 1) === 13 ? lineFeed - 1 : lineFeed;
    if (c.zero >= 0) this.endAtZero(c);
    if (c.getting !== undefined) {
      this.getMore(c, c.getting);
      return true;
    }
    if (this.isGet(text, at)) {
      this.get(c, at + 4, getForms, undefined);
      return true;
    }
    this.tokens.read(text, at, this.lineEnd);
    return this.command(c);
  }

  private endAtZero(c: Conversation): void {
    if (c.zero < c.at) c.zero = c.text.indexOf("\0", c.at);
    if (c.zero >= 0 && c.zero < this.lineEnd) this.lineEnd = c.zero;
  }

  private mayGrow(text: string, from: number, end: number): boolean {
    let at = from;
    while (at < end && text.charCodeAt(at) === 32) at++;
    if (at - from > maxLeadingSpaces || end - from > maxGetLineBytes) return false;
    return text.startsWith("get ", at) || text.startsWith("gets ", at);
  }

  private isGet(text: string, at: number): boolean {
    return (
      text.charCodeAt(at) === 0x67 &&
      text.charCodeAt(at + 1) === 0x65 &&
      text.charCodeAt(at + 2) === 0x74 &&
      text.charCodeAt(at + 3) === 0x20 &&
      at + 3 < this.lineEnd
    );
  }

  private command(c: Conversation): boolean {
    const { tokens } = this;
    if (tokens.count === 0 || tokens.lengthOf(0) < 2) return this.answer(c, lines.error);
    switch (tokens.at(0)) {
      case "set":
        return this.store(c, "set");
      case "add":
        return this.store(c, "add");
      case "replace":
        return this.store(c, "replace");
      case "append":
        return this.store(c, "append");
      case "prepend":
        return this.store(c, "prepend");
      case "cas":
        return this.store(c, "set", true);
      case "get":
      case "bget":
        return this.getMany(c, getForms);
      case "gets":
        return this.getMany(c, getsForms);
      case "gat":
        return this.getAndTouch(c, getForms);
      case "gats":
        return this.getAndTouch(c, getsForms);
      case "mg":
        return this.meta.get(c);
      case "ms":
        return this.meta.set(c);
      case "md":
        return this.meta.delete(c);
      case "ma":
        return this.meta.arithmetic(c);
      case "me":
        return this.meta.debug(c);
      case "mn":
        return this.answer(c, metaNoOp);
      case "incr":
        return this.arithmetic(c, false);
      case "decr":
        return this.arithmetic(c, true);
      case "delete":
        return this.delete(c);
      case "touch":
        return this.touch(c);
      default:
        return this.administer(c, tokens.at(0));
    }
  }

  private administer(c: Conversation, name: string): boolean {
    const { tokens } = this;
    switch (name) {
      case "flush_all":
        return this.flush(c);
      case "version":
        return this.answer(c, this.version);
      case "verbosity":
        return this.verbosity(c);
      case "stats":
        this.advance(c);
        this.stats.read(c, tokens);
        return true;
      case "quit":
        c.closing = true;
        return false;
      case "shutdown":
        return this.answer(c, shutdownRefused);
      default:
        // Somebody's browser, or somebody who uses it to reach us.
        if (!"acdgist".includes(name[0]) && tokens.at(tokens.count - 1).startsWith("HTTP/")) {
          c.closing = true;
          return false;
        }
        return this.answer(c, lines.error);
    }
  }

  /* ---- reading of items ------------------------------------------------------------------------------------------------------ */

  private getMany(c: Conversation, forms: GetForms): boolean {
    const { tokens } = this;
    if (tokens.count < 2) return this.answer(c, lines.error);
    this.get(c, tokens.starts[1], forms, undefined);
    return true;
  }

  private getAndTouch(c: Conversation, forms: GetForms): boolean {
    const { tokens } = this;
    if (tokens.count < 2) return this.answer(c, lines.error);
    const exptime = tokens.int32(1);
    if (exptime === undefined) return this.answer(c, lines.invalidExptime);
    if (tokens.count === 2) return this.answer(c, lines.end);
    this.get(c, tokens.starts[2], forms, ttlOf(exptime));
    return true;
  }

  /** Keys from `from` to the end of the line. */
  private get(c: Conversation, from: number, forms: GetForms, touchS: number | undefined): void {
    const { text } = c;
    const { lineEnd } = this;
    let at = from;
    while (at < lineEnd && text.charCodeAt(at) > 32) at++;
    if (at === lineEnd && at > from && at - from <= maxCacheKeyBytes) {
      c.add({ kind: "get", key: text.substring(from, at), touchS }, forms.last);
      this.advance(c);
      return;
    }
    const longest = longestToken(text, from, lineEnd);
    if (longest === 0 || longest > maxCacheKeyBytes) {
      this.answer(c, longest === 0 ? lines.error : lines.badFormat);
      return;
    }
    c.at = from;
    c.getting = forms;
    c.gettingTouchS = touchS;
    this.getMore(c, forms);
  }

  /** The next key of a "get" of many: each is an operation of its own, so a line of a thousand keys takes as many turns as that many lines. */
  private getMore(c: Conversation, forms: GetForms): void {
    const { text } = c;
    const { lineEnd } = this;
    let from = c.at;
    while (text.charCodeAt(from) === 32) from++;
    let to = from;
    while (to < lineEnd && text.charCodeAt(to) !== 32) to++;
    let following = to;
    while (following < lineEnd && text.charCodeAt(following) === 32) following++;
    const last = following === lineEnd;
    c.add({ kind: "get", key: text.substring(from, to), touchS: c.gettingTouchS }, last ? forms.last : forms.each);
    c.at = following;
    if (!last) return;
    c.getting = undefined;
    this.advance(c);
  }

  /* ---- storing ------------------------------------------------------------------------------------------------------------- */

  private store(c: Conversation, mode: StoreMode, withCas = false): boolean {
    const { tokens } = this;
    const parameters = withCas ? 6 : 5;
    if (tokens.count !== parameters && tokens.count !== parameters + 1) return this.answer(c, lines.error);
    const quiet = this.isQuiet();
    const flags = tokens.uint32(2);
    const exptime = tokens.int32(3);
    const length = tokens.int32(4);
    const compareCas = withCas ? tokens.cas(5) : undefined;
    const bad = flags === undefined || exptime === undefined || length === undefined || length < 0;
    if (
      bad ||
      tokens.lengthOf(1) > maxCacheKeyBytes ||
      length > 2_147_483_645 ||
      (withCas && compareCas === undefined)
    ) {
      return this.answer(c, lines.badFormat, quiet);
    }
    if (this.isTooLarge(tokens.lengthOf(1), length, flags)) {
      this.refuse(c, length, mode === "set" && !withCas, quiet);
      return true;
    }
    const from = this.next;
    if (!this.hasValue(c, length)) return false;
    if (!c.endsLine(from + length)) return this.answerAt(c, from + length + 2, lines.badChunk, quiet);
    const value = c.value(from, from + length);
    const key = tokens.at(1);
    c.add({ kind: "store", mode, key, value, flags, ttlS: ttlOf(exptime), compareCas }, quiet ? silent : statusForm);
    c.at = from + length + 2;
    return true;
  }

  /** Whether the value behind the line is here. */
  hasValue(c: Conversation, length: number): boolean {
    const needed = this.next + length + 2;
    if (c.end >= needed) return true;
    c.wanted = needed - c.at;
    return false;
  }

  isTooLarge(keyBytes: number, valueBytes: number, flags: number): boolean {
    return itemOverheadBytes + keyBytes + valueBytes + (flags === 0 ? 0 : 4) > this.maxItemBytes;
  }

  /** What a value too large would have replaced must not be taken for it. */
  refuse(c: Conversation, length: number, replacing: boolean, quiet: boolean, key = this.tokens.at(1)): void {
    if (replacing) c.add({ kind: "delete", key }, quiet ? silent : tooLargeRegardless);
    else if (!quiet) c.say(tooLargeLine);
    this.swallow(c, length);
  }

  /** Passes over a value that will not be stored. */
  swallow(c: Conversation, length: number): void {
    this.advance(c);
    c.skip(length + 2);
  }

  get valueAt(): number {
    return this.next;
  }

  /* ---- everything else ------------------------------------------------------------------------------------------------------- */

  private arithmetic(c: Conversation, decrement: boolean): boolean {
    const { tokens } = this;
    if (tokens.count !== 3 && tokens.count !== 4) return this.answer(c, lines.error);
    const quiet = this.isQuiet();
    if (tokens.lengthOf(1) > maxCacheKeyBytes) return this.answer(c, lines.badFormat, quiet);
    const delta = tokens.uint64(2);
    if (delta === undefined) return this.answer(c, lines.invalidDelta, quiet);
    c.add({ kind: "arithmetic", key: tokens.at(1), delta, decrement }, quiet ? silent : statusForm);
    return this.advance(c);
  }

  /** Once a delete could be put off: "delete key 0" is what is left of it. */
  private delete(c: Conversation): boolean {
    const { tokens } = this;
    const { count } = tokens;
    if (count < 2 || count > 4) return this.answer(c, lines.error);
    let quiet = false;
    if (count > 2) {
      quiet = this.isQuiet();
      const putOff = tokens.at(2) === "0";
      const valid = (count === 3 && (putOff || quiet)) || (count === 4 && putOff && quiet);
      if (!valid) return this.answer(c, lines.deleteUsage, quiet);
    }
    if (tokens.lengthOf(1) > maxCacheKeyBytes) return this.answer(c, lines.badFormat, quiet);
    c.add({ kind: "delete", key: tokens.at(1) }, quiet ? silent : statusForm);
    return this.advance(c);
  }

  private touch(c: Conversation): boolean {
    const { tokens } = this;
    if (tokens.count !== 3 && tokens.count !== 4) return this.answer(c, lines.error);
    const quiet = this.isQuiet();
    if (tokens.lengthOf(1) > maxCacheKeyBytes) return this.answer(c, lines.badFormat, quiet);
    const exptime = tokens.int32(2);
    if (exptime === undefined) return this.answer(c, lines.invalidExptime, quiet);
    c.add({ kind: "touch", key: tokens.at(1), ttlS: ttlOf(exptime) }, quiet ? silent : statusForm);
    return this.advance(c);
  }

  private flush(c: Conversation): boolean {
    const { tokens } = this;
    if (tokens.count > 3) return this.answer(c, lines.error);
    const quiet = this.isQuiet();
    let exptime = 0;
    if (tokens.count !== (quiet ? 2 : 1)) {
      const delay = tokens.int32(1);
      if (delay === undefined) return this.answer(c, lines.invalidExptime, quiet);
      exptime = delay;
    }
    c.add({ kind: "flush", delayS: exptime > 0 ? ttlOf(exptime) : 0 }, quiet ? silent : statusForm);
    return this.advance(c);
  }

  private verbosity(c: Conversation): boolean {
    const { tokens } = this;
    if (tokens.count !== 2 && tokens.count !== 3) return this.answer(c, lines.error);
    const quiet = this.isQuiet();
    return this.answer(c, tokens.uint32(1) === undefined ? lines.badFormat : lines.ok, quiet);
  }

  private isQuiet(): boolean {
    const { tokens } = this;
    return tokens.lengthOf(tokens.count - 1) === 7 && tokens.at(tokens.count - 1) === "noreply";
  }

  /** To the next line. */
  advance(c: Conversation): boolean {
    c.at = this.next;
    return true;
  }

  answer(c: Conversation, form: Line, quiet = false): boolean {
    return this.answerAt(c, this.next, form, quiet);
  }

  answerAt(c: Conversation, next: number, form: Line, quiet: boolean): boolean {
    if (!quiet) c.say(form);
    c.at = next;
    return true;
  }
}

const metaNoOp = new Line("MN\r\n");
const shutdownRefused = new Line("ERROR: shutdown not enabled\r\n");
const tooLargeLine = new Line(tooLargeText);
const tooLargeRegardless = new Regardless(tooLargeText);

function longestToken(text: string, from: number, to: number): number {
  let longest = 0;
  let start = from;
  for (let at = from; at <= to; at++) {
    if (at < to && text.charCodeAt(at) !== 32) continue;
    longest = Math.max(longest, at - start);
    start = at + 1;
  }
  return longest;
}
