import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { embedJson, escapeHtml, html, trusted } from "./markup.ts";

test("what is inserted is escaped, in content and in attributes", () => {
  const name = `"><script>alert('1')</script>&`;
  const { text } = html`<p title="${name}">${name}</p>`;
  const escaped = "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;";
  assert.equal(text, `<p title="${escaped}">${escaped}</p>`);
});

test("markup nests, arrays join, absent values vanish, zero stays", () => {
  const items = ["a", "<b>"].map((item) => html`<li>${item}</li>`);
  const { text } = html`<ul>
      ${items}
    </ul>
    ${undefined}${false}${0}`;
  assert.equal(text.replace(/\s*\n\s*/g, ""), "<ul><li>a</li><li>&lt;b&gt;</li></ul>0");
  assert.equal(html`${trusted("<hr>")}`.text, "<hr>");
});

test("no string can open a tag or leave an attribute", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.doesNotMatch(escapeHtml(text), /[<>"']/);
    }),
  );
});

test("embedded JSON is the same value and cannot end its script", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.constant("</script><!--")), (text) => {
      const embedded = embedJson({ text }).text;
      assert.ok(!embedded.includes("<"));
      assert.deepEqual(JSON.parse(embedded), { text });
    }),
  );
});
