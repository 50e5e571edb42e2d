/** A table in a box that scrolls sideways on its own, reachable by keyboard: the page itself never does. */
import { html, trusted, type Insertable, type Markup } from "./markup.ts";

export interface Column<Row> {
  readonly name: string;
  /** Below the name, small: a unit, a method. */
  readonly unit?: string;
  readonly number?: boolean;
  value(row: Row): Insertable;
}

export function scrollable(label: string, table: Markup): Markup {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${label}">${table}</div>`;
}

/** The first column names the row. */
export function table<Row>(label: string, kind: string, columns: readonly Column<Row>[], rows: readonly Row[]): Markup {
  const side = (column: Column<Row>): Insertable => column.number === true && trusted(' class="number"');
  return scrollable(
    label,
    html`<table class="${kind}">
      <thead>
        <tr>
          ${columns.map(
            (column) =>
              html`<th scope="col" ${side(column)}>
                ${column.name}${column.unit !== undefined && html`<br /><small>${column.unit}</small>`}
              </th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${columns.map((column, i) =>
                i === 0
                  ? html`<th scope="row">${column.value(row)}</th>`
                  : html`<td${side(column)}>${column.value(row)}</td>`,
              )}
            </tr>`,
        )}
      </tbody>
    </table>`,
  );
}
