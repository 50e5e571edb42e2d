/**
 * The learner: finds out what is chosen, applies it in order, and gets what it missed from the others.
 *
 *     claim (ballot B, up to slot c)          entry of slot s <= c accepted at B or later: it is the chosen value
 *                                             older or missing: fetch it
 *
 * A leader proposes one value a slot and ballot, and proposes at its ballot whatever may have been chosen before (Paxos Made Simple, P2c).
 * So when the leader of ballot B says that slot s is chosen, an entry of slot s accepted at B, or later, holds the chosen value; one
 * accepted at an earlier ballot may not.
 */
import type { Store } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Witness } from "../../kernel/witness.ts";
import type { Acceptor } from "./acceptor.ts";
import type { Ballot } from "./ballot.ts";
import type { Applied, Journal } from "./journal.ts";
import type { Control, Entry, GroupId, PaxosEnv, PaxosMessage, Slot, SnapshotPiece } from "./messages.ts";
import { SnapshotSource } from "./snapshot-source.ts";
import type { StateMachine } from "./state-machine.ts";
import type { StateStore } from "./state-store.ts";

export interface LearnerHost {
  /** An entry was applied; `results` are its commands'. */
  onEntryApplied(entry: Entry, results: readonly unknown[]): void;
  /** What was applied in this turn is all for now. */
  onProgress(): void;
}

export interface LearnerOptions {
  readonly keepSlots: number;
  /** How long an answer to fetch is waited for. */
  readonly fetchTimeoutUs: Micros;
  /** Where replicas were to be at the founding, which is in no entry: a wiped disk may learn the log from its beginning. */
  readonly placement: readonly NodeId[];
}

export type AnyMachine = StateMachine<unknown, unknown, unknown>;

const fetchSlots = 128;
const fetchCommands = 4_096;
/** Commands applied in one turn; the rest waits for the next. */
const turnCommands = 4_096;

export class Learner {
  protected readonly env: PaxosEnv;
  protected readonly group: GroupId;
  protected readonly journal: Journal;
  protected readonly acceptor: Acceptor;
  private readonly store: Store;
  private readonly state: StateStore;
  private readonly machine: AnyMachine;
  private readonly host: LearnerHost;
  private readonly options: LearnerOptions;
  private readonly witness: Witness | undefined;
  protected applied: Applied = { slot: 0, at: 0, control: null, installing: false };
  /** Up to here slots are known to be chosen, and by whose claim. Invariant: applied.slot <= chosen. */
  private claimed: Slot = 0;
  protected claimBallot: Ballot = 0;
  private claimant: NodeId = -1;
  /** Up to here entries at hand hold what was chosen. Invariant: applied.slot <= vouchedFor <= claimed. */
  private vouchedFor: Slot = 0;
  private durableControl: Control | null = null;
  private fetchedAt: Micros = -Infinity;
  private applyingOn = false;
  /** True time as of which everything chosen is applied here; -Infinity: unknown. */
  private freshAsOf: Micros = -Infinity;
  private pendingFresh: { slot: Slot; asOf: Micros } = { slot: 0, asOf: -Infinity };
  /** The leader's promise: what will be committed at or before it is applied here. Never decreases. */
  private safeUntil: Micros = -1;
  private pendingSafe: { slot: Slot; safe: Micros } = { slot: 0, safe: -1 };
  private source: { readonly snapshot: SnapshotSource; readonly to: NodeId; askedAt: Micros } | undefined;
  private snapshots = 0;
  private install: { from: NodeId; id: number; part: number; at: Micros } | undefined;
  installs = 0;
  fetches = 0;

  constructor(
    {
      env,
      group,
      journal,
      acceptor,
      store,
      state,
      machine,
      witness,
    }: {
      env: PaxosEnv;
      group: GroupId;
      journal: Journal;
      acceptor: Acceptor;
      store: Store;
      state: StateStore;
      machine: AnyMachine;
      witness?: Witness;
    },
    host: LearnerHost,
    options: LearnerOptions,
  ) {
    this.env = env;
    this.group = group;
    this.journal = journal;
    this.acceptor = acceptor;
    this.store = store;
    this.state = state;
    this.machine = machine;
    this.witness = witness;
    this.host = host;
    this.options = options;
  }

  start(): void {
    this.applied = this.journal.applied();
    this.durableControl = this.applied.control;
    this.vouchedFor = Math.max(this.applied.slot, this.journal.vouched());
    this.claimed = this.vouchedFor;
    if (!this.applied.installing) this.machine.reset();
    this.witness?.onRestored?.(this.env.self, this.group, this.applied.slot);
  }

  /** Applies what the crash took back, when every role has started. */
  resume(): void {
    if (this.applied.slot < this.claimed && !this.applied.installing) this.applyInNextTurn();
  }

  get slot(): Slot {
    return this.applied.slot;
  }

  /** What is chosen up to here is applied, or at hand. */
  get vouched(): Slot {
    return this.vouchedFor;
  }

  /** Stamp of the last value applied. */
  get at(): Micros {
    return this.applied.at;
  }

  get chosen(): Slot {
    return this.claimed;
  }

  get control(): Control | null {
    return this.applied.control;
  }

  /** The state is complete: it may be read and, by a voter, led. */
  get complete(): boolean {
    return !this.applied.installing && this.applied.slot >= this.vouchedFor;
  }

  /** Everything answered before this true time can be read here. */
  get asOf(): Micros {
    return this.freshAsOf;
  }

  get safe(): Micros {
    return this.safeUntil;
  }

  get busy(): boolean {
    return this.install !== undefined || this.applied.slot < this.claimed;
  }

  found(control: Control): void {
    this.durableControl = control;
    this.applied = { ...this.applied, control };
    this.journal.found(this.applied);
  }

  /** Somebody who knows says that everything up to `chosen` is chosen. */
  onClaim(from: NodeId, ballot: Ballot, chosen: Slot, asOf: Micros, safe: Micros = -1): void {
    if (safe > this.pendingSafe.safe) this.pendingSafe = { slot: chosen, safe };
    if (asOf > this.pendingFresh.asOf) this.pendingFresh = { slot: chosen, asOf };
    if (chosen > this.claimed) {
      this.claimed = chosen;
      this.claimBallot = ballot;
      this.claimant = from;
    }
    this.applyOn();
  }

  /** Applies what is chosen and at hand; asks for what is missing. */
  applyOn(): void {
    if (this.applyingOn || this.applied.installing) return;
    this.applyAtHand();
    this.freshen();
    if (this.applied.slot < this.claimed && !this.applyingOn) this.maybeFetch(this.claimant);
  }

  onApplyOn(): void {
    this.applyingOn = false;
    this.applyOn();
  }

  onLog(from: NodeId, { entries, chosen }: Extract<PaxosMessage, { kind: "log" }>): void {
    if (this.applied.installing) return;
    this.fetchedAt = -Infinity;
    const before = this.applied.slot;
    for (const entry of entries) {
      if (entry.slot !== this.applied.slot + 1) continue;
      this.acceptor.keep(entry);
      this.apply(entry);
    }
    if (chosen > this.claimed) {
      this.claimed = chosen;
      // No ballot of ours counts as proof of what was chosen there: only the sender's own entries do.
      this.claimBallot = Infinity;
      this.claimant = from;
    }
    if (this.claimed < this.applied.slot) this.claimed = this.applied.slot;
    if (this.applied.slot > before) this.endTurn();
    this.applyOn();
  }

  onFetch(from: NodeId, first: Slot): void {
    const { env, group } = this;
    const entries: Entry[] = [];
    let commands = 0;
    this.journal.scan(first, (entry) => {
      if (entry.slot > this.applied.slot || entry.slot !== first + entries.length) return false;
      entries.push(entry);
      commands += entry.body.kind === "commands" ? entry.body.commands.length : 1;
      return entries.length < fetchSlots && commands < fetchCommands;
    });
    if (entries.length === 0 && first <= this.applied.slot) this.onSnapshotAsk(from, 0, 0);
    else env.send(from, { kind: "log", group, entries, chosen: this.applied.slot });
  }

  /** Tells a replica how far the log is; what it lacks it will ask for. */
  inform(node: NodeId): void {
    this.env.sendEarly(node, { kind: "log", group: this.group, entries: [], chosen: this.applied.slot });
  }

  tick(others: readonly NodeId[]): void {
    const { env, group, options } = this;
    if (this.source !== undefined && env.now - this.source.askedAt > 20 * options.fetchTimeoutUs) this.closeSnapshot();
    const silent = this.install === undefined || env.now - this.install.at > options.fetchTimeoutUs;
    if (this.applied.installing && silent && others.length > 0) {
      this.install = undefined;
      env.sendEarly(env.random.pick(others), { kind: "snapshot-ask", group, id: 0, part: 0 });
    }
    if (!this.applied.installing && !this.applyingOn && this.applied.slot < this.claimed && others.length > 0) {
      this.maybeFetch(env.random.pick(others));
    }
  }

  /* ---- snapshots ---- */

  onSnapshotAsk(from: NodeId, id: number, part: number): void {
    if (this.complete && this.control !== null) this.offerSnapshot(from, id, part);
  }

  onSnapshot(from: NodeId, id: number, part: number, piece: SnapshotPiece): void {
    const { env, group } = this;
    // Never back: what this replica had applied before it began to install, others at this node may have built upon.
    const { slot, installing } = this.applied;
    const isNews = piece.slot > slot || (installing && piece.slot === slot);
    if (part === 0 && this.install === undefined && isNews) {
      this.install = { from, id, part: 0, at: env.now };
      // What this replica was handing out is about to be replaced.
      this.closeSnapshot();
      this.applied = { ...this.applied, installing: true };
      this.journal.apply(this.applied);
    }
    const { install } = this;
    if (install === undefined || install.from !== from || install.id !== id || install.part !== part) return;
    this.replaceRange(piece);
    install.at = env.now;
    install.part++;
    if (!piece.last) {
      env.sendEarly(from, { kind: "snapshot-ask", group, id, part: install.part });
      return;
    }
    this.install = undefined;
    this.installs++;
    this.applied = { slot: piece.slot, at: piece.at, control: piece.control, installing: false };
    // Accepted here and perhaps never chosen: nobody may be given it for part of the log.
    this.journal.dropUpTo(piece.slot);
    this.found(piece.control);
    this.vouchedFor = Math.max(this.vouchedFor, piece.slot);
    this.claimed = Math.max(this.claimed, piece.slot);
    this.witness?.onRestored?.(env.self, group, piece.slot);
    this.machine.reset();
    this.host.onProgress();
    this.applyOn();
  }

  private offerSnapshot(to: NodeId, id: number, part: number): void {
    const { env, group, applied } = this;
    if (id === 0) {
      // One at a time: a copy costs memory for all that changes while it is handed out.
      if (this.source !== undefined && this.source.to !== to && !this.source.snapshot.exhausted) return;
      this.closeSnapshot();
      const snapshot = new SnapshotSource(
        ++this.snapshots + env.random.below(2 ** 30) * 1_024,
        this.store,
        this.journal,
        {
          slot: applied.slot,
          at: applied.at,
          control: applied.control!,
        },
      );
      this.source = { snapshot, to, askedAt: env.now };
      this.state.snapshot = snapshot;
    }
    const { source } = this;
    if (source === undefined || source.to !== to || (id !== 0 && source.snapshot.id !== id)) return;
    source.askedAt = env.now;
    const piece = source.snapshot.take(part);
    if (piece === undefined) return;
    env.sendEarly(to, { kind: "snapshot", group, id: source.snapshot.id, part, piece });
  }

  /** Who was taking a copy asks for another. */
  dropSnapshot(): void {
    this.closeSnapshot();
  }

  private closeSnapshot(): void {
    this.source = undefined;
    this.state.snapshot = undefined;
  }

  private replaceRange({ from, to, keys, values }: SnapshotPiece): void {
    const stale: string[] = [];
    this.store.scan(from, to, (key) => void stale.push(key));
    for (const key of stale) this.journal.deleteState(key);
    for (const [i, key] of keys.entries()) this.journal.putState(key, values[i]);
  }

  /* ---- applying ---- */

  /** Whether an entry of a slot that is claimed holds the value that was chosen. */
  protected isChosenValue(entry: Entry): boolean {
    return entry.slot <= this.vouchedFor || entry.ballot >= this.claimBallot;
  }

  private applyAtHand(): void {
    const before = this.applied.slot;
    let commands = 0;
    while (this.applied.slot < this.claimed) {
      const entry = this.journal.entry(this.applied.slot + 1);
      if (entry === undefined || !this.isChosenValue(entry)) break;
      if (commands > turnCommands) {
        this.applyInNextTurn();
        break;
      }
      this.apply(entry);
      commands += entry.body.kind === "commands" ? entry.body.commands.length : 1;
    }
    if (this.applied.slot > before) this.endTurn();
  }

  private applyInNextTurn(): void {
    this.applyingOn = true;
    this.env.sendEarly(this.env.self, { kind: "apply-on", group: this.group });
  }

  private apply(entry: Entry): void {
    const { slot, body } = entry;
    const { machine } = this;
    const results: unknown[] = [];
    if (body.kind === "commands") for (const command of body.commands) results.push(machine.apply(command, body.at));
    this.applied = { slot, at: body.at, control: this.controlAfter(entry), installing: false };
    this.vouchedFor = Math.max(this.vouchedFor, slot);
    this.witness?.onApplied(this.env.self, this.group, slot, body);
    if (slot > this.options.keepSlots) this.journal.drop(slot - this.options.keepSlots);
    this.host.onEntryApplied(entry, results);
  }

  private controlAfter({ slot, body }: Entry): Control | null {
    const { control } = this.applied;
    const known = control ?? { members: [], placement: this.options.placement };
    if (body.kind === "members") return { ...known, members: body.members, since: slot };
    if (body.kind === "placement") return { ...known, placement: body.nodes };
    return control;
  }

  private endTurn(): void {
    // Who votes is never forgotten: a voter that took itself for a stranger would keep the others waiting.
    if (this.applied.control !== this.durableControl) this.found(this.applied.control!);
    else this.journal.apply(this.applied);
    this.host.onProgress();
  }

  private freshen(): void {
    const { slot, asOf } = this.pendingFresh;
    if (this.applied.slot >= slot && asOf > this.freshAsOf) this.freshAsOf = asOf;
    if (this.applied.slot >= this.pendingSafe.slot) this.safeUntil = this.pendingSafe.safe;
  }

  private maybeFetch(from: NodeId): void {
    const { env, group } = this;
    if (from < 0 || from === env.self || env.now - this.fetchedAt < this.options.fetchTimeoutUs) return;
    this.fetchedAt = env.now;
    this.fetches++;
    env.sendEarly(from, { kind: "fetch", group, from: this.applied.slot + 1 });
  }
}
