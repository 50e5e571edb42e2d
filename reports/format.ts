/**
 * Figures as text. Three significant digits are what a benchmark can honestly claim; counts are exact. A figure that does not
 * exist is a dash, never a zero.
 */
import type { Estimate } from "../runners/results.ts";

export const absent = "–";

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** Three significant digits; thousands grouped: 0.0123, 1.23, 12.3, 123, 1,234. */
export function formatNumber(value: number | undefined | null): string {
  if (value === undefined || value === null || !Number.isFinite(value)) return absent;
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 999.5) return grouped.format(value);
  if (size < 0.0001) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** A ratio of two figures, `×1.003`: near ×1 it is the distance from it that has to be read. */
export function formatRatio(ratio: number): string {
  return `×${ratio > 0.9 && ratio < 1.1 ? String(Number(ratio.toFixed(3))) : formatNumber(ratio)}`;
}

export function formatCount(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? absent : grouped.format(value);
}

/** Of a share in [0, 1]. Something that happened at all is never shown as "0 %". */
export function formatShare(share: number | undefined): string {
  if (share === undefined || !Number.isFinite(share)) return absent;
  if (share === 0) return "0 %";
  const percent = share * 100;
  if (percent < 0.01) return "< 0.01 %";
  if (share < 1 && percent > 99.99) return "> 99.99 %";
  return `${percent >= 99.95 ? Number(percent.toFixed(2)) : Number(percent.toPrecision(3))} %`;
}

/** `2.31 (95 % interval 2.10 to 2.52)`; `unit` stands before the figure, as in `×2.31`. */
export function formatEstimate(estimate: Estimate, unit = ""): string {
  return `${unit}${formatNumber(estimate.value)} (${formatInterval(estimate, unit)})`;
}

/** One run has no interval, and one of level 0 is none: its ends are the figure itself and promise nothing. */
export function hasInterval(estimate: Estimate): boolean {
  return estimate.n > 1 && estimate.level > 0;
}

export function formatInterval(estimate: Estimate, unit = ""): string {
  if (!hasInterval(estimate)) return "no interval";
  const level = Number((estimate.level * 100).toPrecision(3));
  return `${level} % interval ${unit}${formatNumber(estimate.low)} to ${unit}${formatNumber(estimate.high)}`;
}

/** How an estimate was made: `BCa bootstrap, n = 12`. */
export function formatMethod(estimate: Estimate): string {
  return `${estimate.method}, n = ${estimate.n}`;
}

export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return absent;
  if (seconds < 99.5) return `${formatNumber(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Microseconds in the unit that reads best. */
export function formatMicros(us: number): string {
  if (us < 1_000) return `${formatNumber(us)} µs`;
  return us < 1_000_000 ? `${formatNumber(us / 1_000)} ms` : `${formatNumber(us / 1_000_000)} s`;
}

/** `2026-11-24T06:28:44.120Z` as `2026-11-24 06:28 UTC`; anything else is returned as it is. */
export function formatInstant(iso: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)/.exec(iso);
  return match === null || !iso.endsWith("Z") ? iso : `${match[1]} ${match[2]} UTC`;
}

/** A metric's name for people: `okPerSecond` is "ok per second", `p99Ms` is "p99 (ms)". */
export function formatMetric(name: string): string {
  const unit = /(Ms|Us)$/.exec(name)?.[1];
  const words = (unit === undefined ? name : name.slice(0, -2)).replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
  return unit === undefined ? words : `${words} (${unit === "Ms" ? "ms" : "µs"})`;
}

export function formatScalar(value: string | number | boolean | null): string {
  if (value === null) return "none";
  return String(value);
}
