// What the trend page can do beyond being read: theme, filter, and one figure drawn large with its nights under the pointer or the
// arrow keys. Nothing is stored, nothing is fetched; all text is set as text.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");
  const byId = (id) => document.getElementById(id);

  const theme = byId("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const nameTheme = () => (theme.textContent = isDark() ? "Light" : "Dark");
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
  });
  dark.addEventListener("change", nameTheme);
  nameTheme();

  const cards = [...document.querySelectorAll("button.spark")];
  const groups = [...document.querySelectorAll(".group")];
  const texts = cards.map((card) => {
    const group = card.closest(".group");
    return `${group.querySelector("h2").textContent} ${card.querySelector(".name").textContent}`.toLowerCase();
  });

  /** Every word must occur somewhere in experiment, design and figure. */
  function filter() {
    const wanted = byId("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    const machine = byId("machine")?.value ?? "";
    let shown = 0;
    cards.forEach((card, i) => {
      const right = machine === "" || card.closest(".group").dataset.machine === machine;
      const fits = right && wanted.every((word) => texts[i].includes(word));
      card.hidden = !fits || (byId("changed").checked && card.dataset.changed === undefined);
      if (!card.hidden) shown++;
    });
    for (const group of groups) group.hidden = group.querySelector("button.spark:not([hidden])") === null;
    byId("count").textContent = `${shown} of ${cards.length} figures`;
    document.querySelector(".nothing").hidden = shown > 0;
  }
  if (cards.length > 0) {
    for (const id of ["find", "changed", "machine"]) byId(id)?.addEventListener("input", filter);
    document.querySelector(".filter").addEventListener("submit", (event) => event.preventDefault());
    filter();
  }

  /** Parsed when the first figure is opened. */
  let known;
  const data = () => (known ??= JSON.parse(byId("data").textContent));

  const dialog = byId("detail");
  const chart = byId("chart");
  let open = -1;
  let drawn;

  for (const opener of document.querySelectorAll("[data-open]")) {
    opener.addEventListener("click", (event) => {
      event.preventDefault();
      show(Number(opener.dataset.open));
      dialog.showModal();
      draw();
    });
  }
  byId("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => byId(`s${open}`)?.focus());
  /** Nights from the end that are drawn; Infinity is all of them. */
  let span = Infinity;
  const recent = 60;
  byId("span").addEventListener("click", () => {
    span = span === recent ? Infinity : recent;
    byId("span").setAttribute("aria-pressed", String(span === recent));
    draw();
  });
  const step = (by) => {
    const visible = cards.filter((card) => !card.hidden).map((card) => Number(card.dataset.open));
    if (visible.length === 0) return;
    const place = visible.indexOf(open);
    show(visible[(place + by + visible.length) % visible.length]);
    draw();
  };
  byId("before").addEventListener("click", () => step(-1));
  byId("after").addEventListener("click", () => step(1));
  addEventListener("resize", () => dialog.open && draw());

  /** The nights of a series: [first, count, ...] unfolded. */
  function nightsOf(one) {
    const nights = [];
    for (let i = 0; i < one.nights.length; i += 2)
      for (let k = 0; k < one.nights[i + 1]; k++) nights.push(data().nights[one.nights[i] + k]);
    return nights;
  }

  const digits = (value) => {
    const size = Math.abs(value);
    if (size >= 1000) return Math.round(value).toLocaleString("en-US");
    return size === 0 ? "0" : String(Number(value.toPrecision(3)));
  };

  function show(index) {
    open = index;
    const one = data().series[index];
    byId("detail-title").textContent = one.title;
    byId("detail-about").textContent = `${one.unit}; ${one.about}. ${one.plan}. ${one.machine}.`;
    byId("detail-changes").replaceChildren(
      ...(one.changes.length === 0
        ? []
        : [
            table(
              ["change", "size", "before", "after", "first night", "commits", "chance"],
              one.changes
                .toReversed()
                .map((c) => [
                  c.state === "known" ? "older, worse" : c.state,
                  c.size,
                  digits(c.before),
                  digits(c.after),
                  c.date,
                  c.commits,
                  c.chance,
                ]),
            ),
          ]),
    );
    const nights = nightsOf(one);
    const rows = nights.map((night, i) => [
      night[0].replace("T", " "),
      digits(one.values[i]),
      `${digits(one.lows[i])} to ${digits(one.highs[i])}`,
      night[1],
      night[2],
    ]);
    const every = table(["night (UTC)", one.unit, "runs", "commit", "Node"], rows.reverse());
    byId("detail-table").replaceChildren(every);
  }

  function table(head, rows) {
    const made = document.createElement("table");
    const line = (cells, tag) => {
      const row = document.createElement("tr");
      for (const text of cells) row.append(Object.assign(document.createElement(tag), { textContent: text }));
      return row;
    };
    made.createTHead().append(line(head, "th"));
    for (const cell of made.tHead.rows[0].cells) cell.scope = "col";
    made.createTBody().append(...rows.map((cells) => line(cells, "td")));
    const scroll = document.createElement("div");
    scroll.className = "scroll";
    scroll.tabIndex = 0;
    scroll.append(made);
    return scroll;
  }

  function node(parent, name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  }

  const height = 320;
  const edge = { left: 62, right: 14, top: 30, bottom: 28 };

  /** Round numbers from low to high, about five. */
  function ticksOf(low, high) {
    const rough = (high - low) / 5;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
    const ticks = [];
    for (let n = Math.ceil(low / step); n * step <= high; n++) ticks.push(Number((n * step).toPrecision(12)));
    return ticks;
  }

  function scalesOf(one, nights, width) {
    const times = nights.map((night) => Date.parse(`${night[0]}Z`));
    const [from, to] = [times[0], Math.max(times.at(-1), times[0] + 1)];
    let low = Math.min(...one.lows);
    let high = Math.max(...one.highs);
    const room = Math.max((high - low) * 0.08, Math.abs(high) * 0.02, 1e-9);
    [low, high] = [low - room, high + room];
    const x = (time) => edge.left + ((time - from) / (to - from)) * (width - edge.left - edge.right);
    const y = (value) => height - edge.bottom - ((value - low) / (high - low)) * (height - edge.top - edge.bottom);
    return { times, from, to, low, high, x, y };
  }

  /** The last `span` nights; the level in force at their beginning is that of the last change before. */
  function lastOf(one) {
    const cut = Math.max(0, one.values.length - span);
    const earlier = one.changes.filter((change) => change.at <= cut && change.at > 0).at(-1);
    const shifted = one.changes
      .filter((change) => change.at > cut)
      .map((change) => ({ ...change, at: change.at - cut }));
    const values = one.values.slice(cut);
    const level = earlier?.after ?? shifted[0]?.before ?? values.reduce((sum, value) => sum + value, 0) / values.length;
    const [lows, highs] = [one.lows.slice(cut), one.highs.slice(cut)];
    return { one: { ...one, values, lows, highs, changes: shifted, level }, nights: nightsOf(one).slice(cut) };
  }

  function draw() {
    const { one, nights } = lastOf(data().series[open]);
    const width = Math.max(300, chart.clientWidth);
    const scales = scalesOf(one, nights, width);
    const { times, x, y } = scales;
    chart.replaceChildren();
    chart.setAttribute("aria-label", describe(one, nights));
    const svg = node(chart, "svg", { viewBox: `0 0 ${width} ${height}`, height });
    axes(svg, scales, width);
    const at = times.map(x);
    const points = (values) => at.map((left, i) => `${left.toFixed(1)} ${y(values[i]).toFixed(1)}`);
    node(svg, "path", { class: "band", d: `M${points(one.lows).join("L")}L${points(one.highs).reverse().join("L")}Z` });
    const steps = times.slice(1).map((time, i) => time - times[i]);
    const usual = [...steps].sort((a, b) => a - b)[steps.length >> 1];
    const line = points(one.values).map((point, i) => (i === 0 || steps[i - 1] > 2.5 * usual ? "M" : "L") + point);
    node(svg, "path", { class: "line", d: line.join("") });
    levels(svg, one, at, y);
    labels(svg, one, at, width);
    const cursor = node(svg, "circle", { r: 5, class: "ring", visibility: "hidden" });
    drawn = { one, nights, at, y, cursor, svg, width, place: -1 };
    say(-1);
  }

  function describe(one, nights) {
    const changes = one.changes.map((c) => `${c.state} ${c.size} on ${c.date}`).join(", ");
    return `${one.title}: ${nights.length} nights, last ${digits(one.values.at(-1))} ${one.unit}; ${changes || "no change of level"}`;
  }

  function axes(svg, { low, high, from, to, x, y }, width) {
    for (const tick of ticksOf(low, high)) {
      node(svg, "path", { class: "grid", d: `M${edge.left} ${y(tick)}H${width - edge.right}` });
      node(svg, "text", { x: edge.left - 8, y: y(tick) + 4, "text-anchor": "end" }, digits(tick));
    }
    const days = (to - from) / 864e5;
    const wish = Math.max(2, Math.floor((width - edge.left) / 90));
    const every = [1, 2, 7, 14, 30.4, 61, 91, 183, 365].find((n) => days / n <= wish) ?? 730;
    for (let time = to; time >= from; time -= every * 864e5) {
      const text = new Date(time).toISOString().slice(0, 10);
      const end = x(time) > width - 40 ? "end" : x(time) < edge.left + 34 ? "start" : "middle";
      node(svg, "text", { x: x(time), y: height - 8, "text-anchor": end }, text);
    }
  }

  function levels(svg, one, at, y) {
    const stops = [{ at: 0, after: one.level, state: "first" }, ...one.changes];
    stops.forEach((stop, i) => {
      const end = at[stops[i + 1]?.at ?? at.length - 1];
      node(svg, "path", { class: `level ${stop.state}`, d: `M${at[stop.at]} ${y(stop.after)}H${end}` });
    });
  }

  function labels(svg, one, at, width) {
    let last = -Infinity;
    let low = false;
    for (const change of one.changes) {
      const left = at[change.at];
      node(svg, "path", { class: `rule ${change.state}`, d: `M${left} ${edge.top - 6}V${height - edge.bottom}` });
      const end = left > width - 150;
      const start = end ? left - 148 : left;
      low = start - last < 155 ? !low : false;
      last = start;
      const place = {
        x: end ? left - 5 : left + 5,
        y: low ? 32 : 17,
        class: "label",
        "text-anchor": end ? "end" : "start",
      };
      node(svg, "text", place, `${change.size} ${change.date}`);
    }
  }

  /** The night under the pointer, in words; without one, how to read the chart. */
  const usualWords = byId("said").textContent.trim().replace(/\s+/g, " ");
  function say(place) {
    const { one, nights, at, y, cursor } = drawn;
    drawn.place = place;
    cursor.setAttribute("visibility", place < 0 ? "hidden" : "visible");
    if (place < 0) return void (byId("said").textContent = usualWords);
    cursor.setAttribute("cx", at[place]);
    cursor.setAttribute("cy", y(one.values[place]));
    const [time, commit, version] = nights[place];
    const range = `${digits(one.lows[place])} to ${digits(one.highs[place])}`;
    byId("said").textContent =
      `${time.replace("T", " ")} UTC: ${digits(one.values[place])} ${one.unit}, runs ${range}, commit ${commit}, Node ${version}`;
  }

  chart.addEventListener("pointermove", (event) => {
    if (drawn === undefined) return;
    const box = drawn.svg.getBoundingClientRect();
    const left = ((event.clientX - box.left) / box.width) * drawn.width;
    let best = 0;
    drawn.at.forEach((place, i) => {
      if (Math.abs(place - left) < Math.abs(drawn.at[best] - left)) best = i;
    });
    say(best);
  });
  chart.addEventListener("pointerleave", () => say(-1));
  chart.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -7, PageDown: 7 }[event.key];
    const last = drawn.at.length - 1;
    const ends = { Home: 0, End: last }[event.key];
    if (by === undefined && ends === undefined) return;
    event.preventDefault();
    const from = drawn.place < 0 ? last + 1 : drawn.place;
    say(ends ?? Math.max(0, Math.min(last, from + by)));
  });
})();
