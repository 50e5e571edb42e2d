// What the page can do beyond being read: unpack its charts, theme, copy, and what a chart says under the pointer or the arrow keys.
// Nothing is stored, nothing is fetched.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const button = document.getElementById("theme");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const nameTheme = () => (button.textContent = isDark() ? "Light" : "Dark");
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
  });
  dark.addEventListener("change", nameTheme);
  nameTheme();

  for (const copy of document.querySelectorAll("button.copy")) {
    const code = copy.parentElement.querySelector("code");
    const word = copy.querySelector(".word");
    const said = copy.parentElement.querySelector(".said");
    let clear;
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        [word.textContent, said.textContent] = ["Copied", "Copied to the clipboard"];
      } catch {
        getSelection().selectAllChildren(code);
        [word.textContent, said.textContent] = ["Selected", "The line is selected: copy it with the keyboard"];
      }
      clearTimeout(clear);
      clear = setTimeout(() => ([word.textContent, said.textContent] = ["Copy", ""]), 2000);
    });
  }

  // On paper everything that matters is open: what was folded and opened for that is folded again.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.printed:not([open])")];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
  });

  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("role", "status");
  document.body.append(tip);
  let ring;

  /** The hover data of a figure, parsed when first needed. */
  const known = new WeakMap();
  function dataOf(plot) {
    let data = known.get(plot);
    if (data === undefined) {
      data = JSON.parse(plot.parentElement.querySelector('script[type="application/json"]').textContent);
      known.set(plot, data);
    }
    return data;
  }

  function drawingOf(plot) {
    const svg = [...plot.querySelectorAll(":scope > svg")].find((one) => one.getBoundingClientRect().width > 0);
    return { svg, places: dataOf(plot)[svg.classList.contains("wide") ? "wide" : "narrow"] };
  }

  /** Nearest spot to a point of the drawing; a step to the side counts as much as a step and a half up. */
  function nearest(spots, x, y) {
    let best = -1;
    let least = 70 * 70;
    for (let i = 0; i < spots.length; i += 2) {
      const dx = spots[i] - x;
      const dy = (spots[i + 1] - y) / 1.5;
      const distance = dx * dx + dy * dy;
      if (distance < least) [best, least] = [i / 2, distance];
    }
    return best;
  }

  /** How many operations a cell of a latency map stands for; shares of the picture's width and height. */
  function countAt({ times, places, panels }, index, across, down) {
    const row = Math.min(places.length - 1, Math.floor(down * places.length));
    const column = Math.min(times.length - 1, Math.floor(across * times.length));
    const count = Number(panels[index].cells[row].split(",")[column] || 0);
    return `${panels[index].name}: ${count.toLocaleString("en-US")} ok in ${places[row]}, from ${times[column]}`;
  }

  /** The cell of an image under a point, as the table below the chart has it. */
  function cellAt(plot, grids, x, y) {
    for (const [index, [left, top, width, height]] of grids.entries()) {
      if (x < left || x >= left + width || y < top || y >= top + height) continue;
      const { cells } = dataOf(plot);
      if (cells) return countAt(cells, index, (x - left) / width, (y - top) / height);
      const table = plot.parentElement.querySelectorAll("table.data")[index];
      const rows = table.tBodies[0].rows;
      const row = rows[Math.floor(((y - top) / height) * rows.length)];
      const column = 1 + Math.floor(((x - left) / width) * (row.cells.length - 1));
      const head = table.tHead.rows[0].cells;
      const [place, time] = head[0].textContent.split(" \\ ");
      const value = row.cells[column].textContent;
      return `${table.caption.textContent} ${value} (${place} ${row.cells[0].textContent}, ${time} ${head[column].textContent})`;
    }
    return undefined;
  }

  /** What a spot says: its own words, or a row of a table below the chart. */
  function textOf(plot, at) {
    const text = dataOf(plot).texts[at];
    if (typeof text === "string") return text;
    const table = plot.parentElement.querySelectorAll("table.data")[text[0]];
    const head = table.tHead.rows[0].cells;
    const cells = [...table.tBodies[0].rows[text[1]].cells];
    const words = cells.map((cell, column) => `${head[column].textContent} ${cell.textContent}`);
    return `${table.caption.textContent}, ${words.join(", ")}`;
  }

  function show(svg, x, y, text, marked) {
    const box = svg.getBoundingClientRect();
    const scale = box.width / svg.viewBox.baseVal.width;
    ring?.remove();
    if (marked) {
      ring = document.createElementNS("http://www.w3.org/2000/svg", "circle");
      for (const [name, value] of Object.entries({ cx: x, cy: y, r: 6, class: "ring" })) ring.setAttribute(name, value);
      svg.append(ring);
    }
    tip.textContent = text;
    tip.classList.add("shown");
    const left = box.left + x * scale;
    const top = box.top + y * scale;
    const width = tip.offsetWidth;
    tip.style.left = `${Math.max(8, Math.min(innerWidth - width - 8, left - width / 2))}px`;
    tip.style.top = `${top - tip.offsetHeight - 14 < 4 ? top + 18 : top - tip.offsetHeight - 14}px`;
  }

  function hide() {
    ring?.remove();
    tip.classList.remove("shown");
    tip.textContent = "";
  }

  function listen(plot) {
    let at = -1;
    plot.addEventListener("pointermove", (event) => {
      const { svg, places } = drawingOf(plot);
      const box = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / box.width;
      const x = (event.clientX - box.left) * scale;
      const y = (event.clientY - box.top) * scale;
      const cell = cellAt(plot, places.grids, x, y);
      if (cell !== undefined) return show(svg, x, y, cell, false);
      at = nearest(places.spots, x, y);
      if (at < 0) return hide();
      show(svg, places.spots[2 * at], places.spots[2 * at + 1], textOf(plot, at), true);
    });
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      if (event.key === "Escape") return hide();
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const { texts } = dataOf(plot);
      if (step === undefined || texts.length === 0) return;
      event.preventDefault();
      at = (at + step + texts.length) % texts.length;
      const { svg, places } = drawingOf(plot);
      show(svg, places.spots[2 * at], places.spots[2 * at + 1], textOf(plot, at), true);
    });
  }
  for (const plot of document.querySelectorAll(".plot")) listen(plot);

  /** Compressed parts, in the order of the page. What is in view stays where it is: all of them are below the verdicts. */
  async function unpack() {
    for (const holder of document.querySelectorAll(".packed")) {
      const text = holder.querySelector("script").textContent.trim();
      const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      holder.innerHTML = await new Response(plain).text();
      for (const plot of holder.querySelectorAll(".plot")) listen(plot);
    }
    root.classList.add("unpacked");
    // The place that was asked for has moved down.
    if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  }
  void unpack();
})();
