/**
 * Parts of a page that travel compressed: drawings, their data and tables are most of a report and repeat themselves, so they shrink to a
 * seventh. The page's script unpacks them in the order of the page, right after the first paint. Whoever runs no script
 * has the verdicts, claims, designs and conditions, and results.json for the rest.
 */
import { gzipSync } from "node:zlib";
import { html, trusted, type Markup } from "./markup.ts";

export function packed(part: Markup): Markup {
  const bytes = gzipSync(part.text, { level: 9 }).toString("base64");
  return html`<div class="packed">
    <noscript>Charts and their tables are unpacked by this page’s script, which is off.</noscript>
    <script type="application/gzip">
      ${trusted(bytes)}
    </script>
  </div>`;
}
