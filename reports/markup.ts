/**
 * HTML by tagged template. Whatever is put into `html` is escaped unless it came out of `html` itself, so a design that calls
 * itself `<script>` is text on the page. `trusted` is the one way around it and is used only for what this folder generates: SVG
 * that Vega wrote, and constants.
 */

export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

export type Insertable = Markup | string | number | undefined | false | readonly Insertable[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Safe as element content and inside a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

/** Absent values (undefined, false) become nothing; arrays are joined. */
export function html(parts: TemplateStringsArray, ...values: readonly Insertable[]): Markup {
  let text = parts[0]!;
  for (let i = 0; i < values.length; i++) text += insert(values[i]) + parts[i + 1]!;
  return new Markup(text);
}

export function trusted(text: string): Markup {
  return new Markup(text);
}

/** JSON that no HTML parser mistakes for markup: safe as the content of a `<script type="application/json">`. */
export function embedJson(value: unknown): Markup {
  return new Markup(JSON.stringify(value).replaceAll("<", "\\u003c"));
}

function insert(value: Insertable): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Markup) return value.text;
  if (typeof value === "string") return escapeHtml(value);
  if (typeof value === "number") return String(value);
  return value.map(insert).join("");
}
