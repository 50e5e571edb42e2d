/**
 * What every page of Wavetank is wrapped in: one HTML file that needs nothing else. Its one script and one style sheet are allowed by
 * their hashes and nothing else may run.
 */
import { createHash } from "node:crypto";
import { html, trusted, type Markup } from "./markup.ts";

/** Three waves: the tank. */
export const logo = trusted(
  '<svg class="logo" width="44" height="32" viewBox="0 0 44 32" aria-hidden="true" fill="none" stroke="var(--accent)" stroke-width="2.5" stroke-linecap="round"><path d="M2 9c5-7 8-7 13 0s8 7 13 0 8-7 14 0"/><path d="M2 18c5-7 8-7 13 0s8 7 13 0 8-7 14 0" opacity=".6"/><path d="M2 27c5-7 8-7 13 0s8 7 13 0 8-7 14 0" opacity=".3"/></svg>',
);

export interface PageShell {
  readonly title: string;
  readonly styles: string;
  readonly script: string;
  /** Everything between the body's tags but the script, which comes last. */
  readonly body: Markup;
}

export function wholePage({ title, styles, script, body }: PageShell): string {
  // Byte for byte what is hashed: a space more and the browser refuses them.
  const styleElement = trusted(`<style>${styles}</style>`);
  const scriptElement = trusted(`<script>${script}</script>`);
  return html`${trusted("<!doctype html>")}
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${contentPolicy(styles, script)}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        ${styleElement}
      </head>
      <body>
        ${body} ${scriptElement}
      </body>
    </html> `.text;
}

/** Scripts of type application/json are data and need no permission. */
function contentPolicy(styles: string, script: string): string {
  const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  return [
    "default-src 'none'",
    `style-src ${hashOf(styles)}`,
    `script-src ${hashOf(script)}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}
