/**
 * Two sides measured in turns. Both run all the time; in each round every contest is measured on both, one right after the other, in
 * random order, and the ratio is taken inside that pair: what the machine does meanwhile, it does to both.
 */
import { Random } from "../../backend/kernel/random.ts";
import { median, ratioEstimate } from "../../runners/compare/estimate.ts";
import type { Measured } from "./wrk.ts";

export interface Round {
  readonly seconds: number;
  readonly seed: number;
}

export type Side = (round: Round) => Promise<Measured>;

export interface Contest {
  readonly title: string;
  /** Least ratio of our rate to theirs that is claimed; null where none is. */
  readonly least: number | null;
  /** Also claimed: our p99 is no higher than theirs. */
  readonly tail: boolean;
  /** Null: theirs alone is measured. */
  readonly ours: Side | null;
  readonly theirs: Side;
}

/** What a comparison is started with. */
export interface PeerOptions {
  readonly quick: boolean;
  readonly seed: number;
  /** Measure the peer and not ours. */
  readonly peersOnly: boolean;
  /** Of etcd's cases: only those whose titles hold this text; all when empty. */
  readonly named: string;
  /** Of our backend, for its three nodes. */
  readonly threads: number;
}

export interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  readonly seed: number;
}

export interface Outcome {
  readonly contest: Contest;
  /** One of each a round. */
  readonly ours: readonly Measured[];
  readonly theirs: readonly Measured[];
}

/** Round 0 warms both up (compilers, caches, files) and is not counted. */
export async function duel(contests: readonly Contest[], plan: Plan): Promise<Outcome[]> {
  const random = Random.stream(plan.seed, "order of sides");
  const outcomes = contests.map((contest) => ({ contest, ours: [] as Measured[], theirs: [] as Measured[] }));
  for (let number = 0; number <= plan.rounds; number++) {
    for (const { contest, ours, theirs } of outcomes) {
      const sides: { readonly measure: Side; readonly into: Measured[] }[] = [
        { measure: contest.theirs, into: theirs },
      ];
      if (contest.ours !== null) sides.push({ measure: contest.ours, into: ours });
      if (random.chance(0.5)) sides.reverse();
      for (const { measure, into } of sides) {
        const measured = await measure({ seconds: plan.seconds, seed: plan.seed + number });
        if (number > 0) into.push(measured);
      }
    }
    if (process.stderr.isTTY) process.stderr.write(`round ${number} of ${plan.rounds}\n`);
  }
  return outcomes;
}

/** The table, the claims and what was not answered. */
export function duelReport(outcomes: readonly Outcome[], peer: string, { rounds }: Plan): string[] {
  const width = Math.max(...outcomes.map(({ contest }) => contest.title.length)) + 2;
  const heads = ["wavetank/s".padStart(11), `${peer}/s`.padStart(12), `   ${"ratio".padEnd(22)}`];
  const lines = [
    `${"".padEnd(width)}${heads.join("")}${"p50, p99 ms: ours, theirs".padEnd(34)}server CPU us each: ours, theirs`,
  ];
  for (const outcome of outcomes) lines.push(outcome.contest.title.padEnd(width) + figures(outcome));
  lines.push(
    `medians of ${rounds} rounds; ratio: geometric mean over rounds` +
      (rounds > 2 ? " with its 95 % interval" : " and the range seen: too few rounds for an interval"),
    "",
  );
  for (const outcome of outcomes) if (outcome.ours.length > 0) lines.push(...verdicts(outcome, peer));
  for (const { contest, ours, theirs } of outcomes) {
    const failed = [...ours, ...theirs].reduce((sum, each) => sum + each.failed, 0);
    if (failed > 0) lines.push(`NOT COUNTED: ${failed} requests of ${contest.title} failed`);
  }
  return lines;
}

function figures({ ours, theirs }: Outcome): string {
  const latencies = [ours, theirs].map((side) => `${tail(side, "p50Ms")}, ${tail(side, "p99Ms")}`.padEnd(17)).join("");
  const cost = [ours, theirs].map((side) => cpuText(side)).join(", ");
  const ratio = ours.length === 0 ? "" : ratioText(ours, theirs);
  return `${rateText(ours).padStart(11)}${rateText(theirs).padStart(12)}   ${ratio.padEnd(22)}${latencies}${cost}`;
}

function verdicts({ contest: { title, least, tail: tailClaimed }, ours, theirs }: Outcome, peer: string): string[] {
  const lines: string[] = [];
  if (least !== null) {
    const rates = ratioEstimate(theirs.map(perSecond), ours.map(perSecond));
    const held = rates !== null && rates.value >= least;
    const sure = rates === null || held === rates.low >= least ? "" : ", though the interval crosses it";
    const losing = rates !== null && rates.value < 1 ? "; wavetank loses" : "";
    const cpu = ratioEstimate(ours.map(cpuUs), theirs.map(cpuUs));
    const perCpu =
      rates === null || cpu === null ? "" : ` (${cpu.value.toFixed(2)} for each second of the servers' processor time)`;
    const claim = `${least} times the rate of ${peer} or more`;
    lines.push(
      `${verdict(held)}  ${title}: ${claim}; got ${rates?.value.toFixed(2) ?? "nothing"}${sure}${losing}${perCpu}`,
    );
  }
  if (tailClaimed) {
    const tails = ratioEstimate(theirs.map(p99), ours.map(p99));
    const held = tails !== null && tails.value <= 1;
    const sure = tails === null || held === tails.high <= 1 ? "" : ", though the interval crosses it";
    const got = tails === null ? "nothing" : `${tails.value.toFixed(2)} of it`;
    lines.push(`${verdict(held)}  ${title}: p99 no higher than that of ${peer}; got ${got}${sure}`);
  }
  return lines;
}

function verdict(held: boolean): string {
  return held ? "held    " : "NOT HELD";
}

function ratioText(ours: readonly Measured[], theirs: readonly Measured[]): string {
  const ratio = ratioEstimate(theirs.map(perSecond), ours.map(perSecond));
  if (ratio === null) return "none";
  return `${ratio.value.toFixed(2)} [${ratio.low.toFixed(2)}, ${ratio.high.toFixed(2)}]`;
}

function rateText(measured: readonly Measured[]): string {
  return measured.length === 0 ? "-" : Math.round(median(measured.map(perSecond))).toLocaleString("en");
}

function tail(measured: readonly Measured[], which: "p50Ms" | "p99Ms"): string {
  if (measured.length === 0) return "-";
  const ms = median(measured.map((each) => each[which]));
  return ms.toFixed(ms < 1 ? 2 : 1);
}

function perSecond(measured: Measured): number {
  return measured.perSecond;
}

function cpuText(measured: readonly Measured[]): string {
  const known = measured.map(cpuUs).filter(Number.isFinite);
  if (known.length === 0) return "-";
  const us = median(known);
  return us.toFixed(us < 20 ? 1 : 0);
}

function cpuUs(measured: Measured): number {
  return measured.cpuUs;
}

function p99(measured: Measured): number {
  return measured.p99Ms;
}

export function print(...lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}
