/** A line to copy: shown whole, selectable without the script, and a button that says what it has done, aloud as well. */
import { html, type Markup } from "./markup.ts";

/** `what` completes "Copy ..." for those who hear the button and do not see its place. */
export function copyable(line: string, what: string): Markup {
  return html`<span class="copyable"
    ><code>${line}</code
    ><button type="button" class="copy"><span class="word">Copy</span><span class="hidden"> ${what}</span></button
    ><span class="said hidden" role="status"></span
  ></span>`;
}
