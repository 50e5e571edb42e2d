/**
 * Does the harness measure right? Systems whose answer is known in closed form were measured with the same generator, recorder and
 * statistics as the designs, and stand here beside their theory. A report without this section was made without calibrating.
 */
import type { Calibration, Results } from "../runners/results.ts";
import { formatNumber } from "./format.ts";
import { html, type Markup } from "./markup.ts";
import { statusBadge } from "./status.ts";
import { table } from "./tables.ts";

export function calibrationSection({ calibration }: Results): Markup | undefined {
  if (calibration === undefined || calibration.length === 0) return undefined;
  const rows = [...calibration].sort((a, b) => Number(a.held) - Number(b.held));
  return html`<section class="calibration" aria-labelledby="calibration">
    <h2 id="calibration">Calibration</h2>
    <p class="lead">
      Systems whose answer is known in closed form, measured with the same generator, recorder and statistics:
      ${calibrationText(calibration)}.
    </p>
    ${table<Calibration>(
      "Calibration",
      "oracles",
      [
        { name: "Oracle", value: ({ oracle }) => oracle },
        { name: "Tank", value: ({ tank }) => tank },
        { name: "Quantity", value: ({ quantity }) => quantity },
        { name: "theory", number: true, value: ({ theory }) => formatNumber(theory) },
        { name: "measured", number: true, value: ({ measured }) => formatNumber(measured) },
        { name: "off by", number: true, value: ({ theory, measured }) => difference(theory, measured) },
        { name: "Tolerance", value: ({ tolerance }) => tolerance },
        { name: "Result", value: ({ held }) => statusBadge(held ? "held" : "failed") },
      ],
      rows,
    )}
  </section>`;
}

/** `12 of 12 quantities within their tolerance` */
export function calibrationText(calibration: readonly Calibration[]): string {
  return `${calibration.filter(({ held }) => held).length} of ${calibration.length} quantities within their tolerance`;
}

function difference(theory: number, measured: number): string {
  if (theory === 0) return formatNumber(measured);
  const percent = (measured / theory - 1) * 100;
  return `${percent > 0 ? "+" : ""}${Number(percent.toPrecision(2))} %`;
}
