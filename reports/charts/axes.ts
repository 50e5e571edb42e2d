/** Scales shared by all charts: round limits on a log axis, text widths (there is no font to ask), labels kept apart. */

export interface LogAxis {
  readonly domain: [number, number];
  readonly values: number[];
}

/** Limits at 1, 2 or 5 times a power of ten, and as many of those inside as are readable. Non-positive values are ignored. */
export function logAxis(values: readonly number[], most = 8): LogAxis {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  if (positive.length === 0) return { domain: [1, 10], values: [1, 10] };
  const low = roundDown(positive.reduce((a, b) => Math.min(a, b)));
  let high = roundUp(positive.reduce((a, b) => Math.max(a, b)));
  if (high <= low) high = roundUp(low * 1.01);
  const all = roundValues(low, high);
  if (all.length <= most) return { domain: [low, high], values: all };
  const decades = all.filter((value) => isPowerOfTen(value));
  const every = Math.ceil(decades.length / most);
  return { domain: [low, high], values: decades.filter((_, index) => index % every === 0) };
}

/** [0 or below, a little above the largest]; every chart that shows amounts starts at zero. */
export function linearDomain(values: readonly number[]): [number, number] {
  const high = values.reduce((most, value) => Math.max(most, value), 0);
  const low = values.reduce((least, value) => Math.min(least, value), 0);
  return high === low ? [low, low + 1] : [low, high * 1.04];
}

/** Pixels that text takes in the page's font, on the safe side. */
export function textWidthPx(text: string, sizePx = 12): number {
  let ems = 0;
  for (const character of text) ems += emsOf(character);
  return ems * sizePx;
}

/** After DejaVu Sans, the widest of the fonts that a page may get; other fonts leave a little room. */
function emsOf(character: string): number {
  if (/[ .,:;'|!ijlI[\]()/-]/.test(character)) return 0.36;
  if (/[mwMW%@]/.test(character)) return 0.96;
  if (/[=+<>×≥≤→A-Z]/.test(character)) return 0.78;
  return 0.61;
}

export function shorten(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1).trimEnd()}…`;
}

/** Moves positions apart so that neighbours are at least `gap` from each other and all stay in [low, high]; order is kept. */
export function spread(positions: readonly number[], gap: number, low: number, high: number): number[] {
  const order = positions.map((position, index) => ({ position, index })).sort((a, b) => a.position - b.position);
  const placed = order.map(({ position }) => position);
  for (let i = 0; i < placed.length; i++) {
    placed[i] = Math.max(placed[i]!, i === 0 ? low : placed[i - 1]! + gap);
  }
  for (let i = placed.length - 1; i >= 0; i--) {
    placed[i] = Math.min(placed[i]!, i === placed.length - 1 ? high : placed[i + 1]! - gap);
  }
  const result: number[] = Array.from({ length: positions.length });
  order.forEach(({ index }, rank) => {
    result[index] = placed[rank]!;
  });
  return result;
}

/** Side by side as long as panels stay wide enough to read; four are two and two, not three and one. */
export function panelColumns(panels: number): number {
  if (panels <= 3) return Math.max(1, panels);
  return panels === 4 ? 2 : 3;
}

/** At most `most` of the items, the first and the last among them, evenly spaced. */
export function thin<Item>(items: readonly Item[], most: number): Item[] {
  if (items.length <= most) return [...items];
  const step = (items.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, index) => items[Math.round(index * step)]!);
}

function roundDown(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-9);
  return clean(power * [5, 2, 1].find((mantissa) => mantissa * power <= value * (1 + 1e-9))!);
}

function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-9);
  return clean(power * [1, 2, 5, 10].find((mantissa) => mantissa * power >= value * (1 - 1e-9))!);
}

function roundValues(low: number, high: number): number[] {
  const values: number[] = [];
  for (let power = Math.floor(Math.log10(low) + 1e-9); 10 ** power <= high * (1 + 1e-9); power++) {
    for (const mantissa of [1, 2, 5]) {
      const value = clean(mantissa * 10 ** power);
      if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) values.push(value);
    }
  }
  return values;
}

function isPowerOfTen(value: number): boolean {
  const exponent = Math.log10(value);
  return Math.abs(exponent - Math.round(exponent)) < 1e-9;
}

function clean(value: number): number {
  return Number(value.toPrecision(6));
}
