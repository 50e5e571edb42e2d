/**
 * From a Vega-Lite specification to the SVG that goes into the page, when the report is made: the browser draws nothing and needs
 * no library. Marks that carry a tooltip leave their position here, and the page's script finds the nearest one to the pointer;
 * marks of opacity 0 exist only for that and are not drawn. Vega repeats in every tag what the page's style sheet says once, and
 * that is taken out: a fifth of the size.
 */
import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { textWidthPx } from "./axes.ts";
import type { Palette } from "./palette.ts";

/** How much room a drawing has. `narrow` is a telephone: panels stand below each other. */
export interface Frame {
  readonly widthPx: number;
  readonly narrow: boolean;
}

/** A place on the drawing and what to say there; x and y in SVG pixels. */
export interface Spot {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

/** An image of equal cells; the figure's tables hold their values in the same order of panels. */
export interface Grid {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Drawing {
  readonly svg: string;
  readonly widthPx: number;
  readonly spots: readonly Spot[];
  readonly grids: readonly Grid[];
}

/** One layer of a specification, as Vega-Lite types it. */
export type Layer = Extract<TopLevelSpec, { layer: unknown }>["layer"][number];

export interface DrawContext {
  readonly palette: Palette;
  readonly frame: Frame;
}

interface SceneItem {
  x?: number;
  y?: number;
  width?: number;
  height?: number;
  opacity?: number;
  tooltip?: unknown;
  items?: SceneMark[];
}

interface SceneMark {
  marktype: string;
  items: SceneItem[];
}

/** Left of the plot: room for "10,000", equal in all panels so that they align. */
export const axisExtentPx = 46;

/**
 * Vega has no font to measure here and takes 0.8 em a character, which leaves holes beside every label. Its estimate can be
 * replaced (vega-scenegraph, `textMetrics`), though its types do not say so.
 */
(vega as unknown as { textMetrics: { width(item: TextItem, text?: unknown): number } }).textMetrics.width = (
  item,
  text,
) => textWidthPx(plain(text ?? item.text), item.fontSize ?? 11);

const plain = (value: unknown): string => (typeof value === "string" || typeof value === "number" ? `${value}` : "");

interface TextItem {
  text?: unknown;
  fontSize?: number;
}

const text = "var(--text)";
const muted = "var(--muted)";

const config = {
  aria: false,
  background: "transparent",
  font: "system-ui",
  padding: { left: 2, right: 6, top: 4, bottom: 2 },
  view: { stroke: null },
  concat: { spacing: 18 },
  axis: {
    domainColor: "var(--axis)",
    tickColor: "var(--axis)",
    gridColor: "var(--grid)",
    labelColor: muted,
    titleColor: muted,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: "normal" as const,
    titlePadding: 6,
    labelPadding: 5,
    tickSize: 4,
    domain: false,
  },
  axisX: { domain: true, grid: false, labelFlush: false, titleAnchor: "end" as const },
  axisY: {
    ticks: false,
    titleAngle: 0,
    titleAlign: "left" as const,
    titleAnchor: "start" as const,
    titleX: -axisExtentPx,
    titleY: -10,
    minExtent: axisExtentPx,
    maxExtent: axisExtentPx,
    titleBaseline: "bottom" as const,
  },
  text: { fontSize: 12, color: text },
  title: { fontSize: 13, fontWeight: 600, color: text, anchor: "start" as const, offset: 8 },
};

/** Draws; throws what Vega throws on a specification that is no specification. */
export async function draw(spec: TopLevelSpec, frame: Frame): Promise<Drawing> {
  const merged = { ...spec, config } as TopLevelSpec;
  const view = new vega.View(vega.parse(compile(merged).spec), { renderer: "none" });
  await view.runAsync();
  const scene = collect(view.scenegraph() as unknown as { root: SceneMark });
  const svg = shrink(await view.toSVG());
  const [width, height, left, top] = frameOf(svg);
  view.finalize();
  const place = <Item extends { x: number; y: number }>(item: Item): Item => ({
    ...item,
    x: Math.round(item.x + left),
    y: Math.round(item.y + top),
  });
  return {
    svg: svg.replace(/^<svg[^>]*>/, `<svg width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`),
    widthPx: Math.max(width, frame.widthPx),
    spots: scene.spots.map(place),
    grids: scene.grids.map(place),
  };
}

function collect({ root }: { root: SceneMark }): { spots: Spot[]; grids: Grid[] } {
  const spots: Spot[] = [];
  const grids: Grid[] = [];
  const visit = (mark: SceneMark, x: number, y: number): void => {
    for (const item of mark.items) {
      const atX = x + (item.x ?? 0);
      const atY = y + (item.y ?? 0);
      if (typeof item.tooltip === "string") spots.push({ x: atX, y: atY, text: item.tooltip });
      if (mark.marktype === "image") grids.push({ x: atX, y: atY, width: item.width ?? 0, height: item.height ?? 0 });
      for (const inner of item.items ?? []) visit(inner, atX, atY);
    }
    if (mark.marktype === "symbol") mark.items = mark.items.filter((item) => item.opacity !== 0);
  };
  visit(root, 0, 0);
  return { spots, grids };
}

/** Width, height, and where the drawing's origin lies. */
function frameOf(svg: string): [number, number, number, number] {
  const size = /width="([\d.]+)" height="([\d.]+)"/.exec(svg);
  const origin = /transform="translate\(([-\d.]+),([-\d.]+)\)"/.exec(svg);
  return [Math.ceil(Number(size?.[1])), Math.ceil(Number(size?.[2])), Number(origin?.[1]), Number(origin?.[2])];
}

const redundant =
  / (?:aria-hidden="true"|aria-label="[^"]*"|pointer-events="none"|font-family="[^"]*"|opacity="1"|stroke-width="1"|font-size="12px"|class="[^"]*"|style="[^"]*"|role="[^"]*"|aria-roledescription="[^"]*"|font-weight="normal"|stroke-miterlimit="4")/g;

/** Only inside tags: Vega escapes `<` in text, so no name of the user's is touched. */
function shrink(svg: string): string {
  let small = svg.replace(/<[a-z][^>]*>/g, (tag) =>
    tag.startsWith("<svg")
      ? tag
      : tag.replace(redundant, "").replace(/-?\d+\.\d{2,}/g, (digits) => String(round(digits))),
  );
  small = small
    .replace(/<path [^>]*display="none"[^>]*\/>/g, "")
    .replace(/<path d="M0(?:\.5)?,0(?:\.5)?h[\d.]+v[\d.]+h-?[\d.]+Z"\/>/g, "");
  small = small.replace(
    /(<path (?:[^>]* )?d=")([^"]*)/g,
    (_, start: string, path: string) => start + compactPath(path),
  );
  small = small.replace(/<rect [^>]*fill="transparent"[^>]*\/>/, "").replaceAll(' transform="translate(0,0)"', "");
  for (let before = ""; before !== small;) {
    before = small;
    small = small.replaceAll("<g></g>", "").replaceAll("<g/>", "");
  }
  return small;
}

/** Straight paths with H and V where a step goes along or up: half the size. Curves and others are returned as they are. */
function compactPath(path: string): string {
  if (/[^MLZ\d.,-]/.test(path)) return path;
  let x = "";
  let y = "";
  return path.replace(/([ML])([-\d.]+),([-\d.]+)/g, (_, command: string, toX: string, toY: string) => {
    const [fromX, fromY] = [x, y];
    [x, y] = [toX, toY];
    if (command === "M") return `M${toX},${toY}`;
    if (toY === fromY) return toX === fromX ? "" : `H${toX}`;
    return toX === fromX ? `V${toY}` : `L${toX},${toY}`;
  });
}

function round(digits: string): number {
  return Math.round(Number(digits) * 10) / 10;
}
