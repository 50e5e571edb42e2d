/**
 * What the live page does, as the text that the browser runs: it keeps frames, shows the newest in figures and the run's in two
 * drawings. It speaks to screen readers when the run, the faults or the status change, not at every figure.
 */
export const liveScript = String.raw`
"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const say = (id, text) => { const node = typeof id === "string" ? at(id) : id; if (node.textContent !== text) node.textContent = text; };
  let frames = [], state = null, spoken = "", about = "", waiting = false;

  const whole = (n) => Math.round(n).toLocaleString("en-US");
  const rate = (n) => (n < 9.95 ? n.toFixed(1) : whole(n));
  const ms = (n) => (n === null ? "–" : n >= 100 ? whole(n) : String(Number(n.toPrecision(3))));
  const seconds = (s) => (s < 120 ? Number(s.toFixed(s < 10 ? 1 : 0)) + " s" : Number((s / 60).toFixed(1)) + " min");

  function announce(text) { if (text !== spoken) { spoken = text; say("spoken", text); } }
  function status(name, text) { at("status").className = "pill " + name; say("status", text); }

  function onState() {
    if (state === null) return;
    document.title = (state.status === "finished" ? "finished" : state.ended + " of " + state.planned) + " · Wavetank, live";
    at("suite").max = Math.max(1, state.planned);
    at("suite").value = state.ended;
    say("suite-text", state.ended + " of " + state.planned + " runs");
    status(state.status, state.status);
    const run = state.run;
    if (run !== null) {
      say("experiment", run.experiment + ": " + run.design);
      say("where", run.tank + " tank, round " + run.round + ", run " + run.number + " of " + state.planned + " · " + state.title);
    }
    about = state.status === "finished" ? "The suite is finished: " + state.ended + " of " + state.planned + " runs ended."
      : run === null ? "" : "Run " + run.number + " of " + state.planned + ": " + run.experiment + ", " + run.design + ".";
  }

  function onFrame() {
    const run = state === null ? null : state.run;
    const mine = run === null ? frames.slice(-1) : frames.filter((f) => f.run === run.number);
    const frame = mine[mine.length - 1];
    const virtual = run !== null && run.tank === "simulation" ? " virtual" : "";
    if (run !== null) {
      at("run").max = run.totalS;
      at("run").value = frame === undefined ? 0 : frame.atS;
      say("run-text", (frame === undefined ? "setting up" : seconds(Math.min(frame.atS, run.totalS)) + " of " + seconds(run.totalS)) + (frame ? virtual : ""));
    }
    draw(at("rate-chart"), mine, run, ["offered", "ok", "refused", "unknown"], (f, name) => f.rate[name], false);
    draw(at("latency-chart"), mine, run, ["max", "p99", "p50"], (f, name) => f.latest[name], true);
    if (frame === undefined) return nothing();
    const span = frame.whole ? "whole run" : "last " + seconds(frame.overS) + virtual;
    for (const node of document.querySelectorAll(".span")) say(node, span);
    say(document.querySelector(".latest-name"), span);
    for (const name of ["offered", "ok", "refused", "unknown"]) say("rate-" + name, rate(frame.rate[name]));
    for (const name of ["p50", "p90", "p99", "p999", "max"]) {
      say("latest-" + name, ms(frame.latest[name]));
      say("sofar-" + name, ms(frame.soFar[name]));
    }
    say("late", frame.lateP99Ms === null ? "–" : ms(frame.lateP99Ms) + " ms");
    say("dropped", whole(frame.dropped));
    outcomes(frame.outcomes);
    const faults = frame.whole || (state !== null && state.status === "finished") ? [] : frame.faults;
    at("faults").hidden = faults.length === 0;
    if (faults.length > 0) { say("faults", "Fault in force: " + faults.join("; ")); about += " Fault in force: " + faults.join("; "); }
  }

  /** A run of which nothing is known yet must not stand over the figures of the run before it. */
  function nothing() {
    for (const node of document.querySelectorAll(".tile b, [id^=latest-], [id^=sofar-], #late, #dropped")) say(node, "–");
    at("outcomes").replaceChildren();
    at("faults").hidden = true;
  }

  function outcomes(counts) {
    const total = Object.values(counts).reduce((a, b) => a + b, 0);
    const rows = Object.keys(counts).sort().map((name) => {
      const row = document.createElement("tr");
      const share = total === 0 ? "–" : (100 * counts[name] / total).toFixed(counts[name] / total < 0.01 ? 3 : 1) + " %";
      [name, whole(counts[name]), share].forEach((text, i) => {
        const cell = document.createElement(i === 0 ? "th" : "td");
        if (i === 0) cell.scope = "row";
        cell.textContent = text;
        row.append(cell);
      });
      return row;
    });
    at("outcomes").replaceChildren(...rows);
  }

  function node(parent, name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key of Object.keys(attributes)) made.setAttribute(key, attributes[key]);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  }

  /** Round figures that cut [low, high] into a few. */
  function ticks(low, high, log) {
    if (log) { const out = []; for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) out.push(10 ** e); return out; }
    const raw = Math.max(high, 1e-9) / 4, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
    const out = [];
    for (let v = 0; v <= high + step * 0.999; v += step) out.push(v);
    return out;
  }

  function draw(svg, all, run, names, valueOf, log) {
    const width = svg.clientWidth, height = svg.clientHeight;
    if (width === 0) return;
    const shown = all.filter((f) => !f.whole);
    const left = 46, right = width - 6, top = 8, bottom = height - 22;
    svg.setAttribute("viewBox", "0 0 " + width + " " + height);
    svg.replaceChildren();
    const values = shown.flatMap((f) => names.map((name) => valueOf(f, name))).filter((v) => v !== null && (!log || v > 0));
    const marks = ticks(log ? Math.max(1e-3, Math.min(1, ...values)) : 0, Math.max(log ? 10 : 4, ...values), log);
    const low = log ? Math.log10(marks[0]) : marks[0], high = log ? Math.log10(marks[marks.length - 1]) : marks[marks.length - 1];
    const endS = Math.max(run === null ? 1 : run.totalS, ...shown.slice(-1).map((f) => f.atS));
    const x = (s) => left + (right - left) * s / endS;
    const y = (v) => bottom - (bottom - top) * ((log ? Math.log10(v) : v) - low) / (high - low || 1);
    for (const band of run === null ? [] : run.faults)
      node(svg, "rect", { class: "band", x: x(band.fromS), y: top, width: Math.max(2, x(band.toS) - x(band.fromS)), height: bottom - top });
    for (const mark of marks) {
      node(svg, "line", { class: "grid", x1: left, x2: right, y1: y(mark), y2: y(mark) });
      node(svg, "text", { x: left - 6, y: y(mark) + 4, "text-anchor": "end" }, mark >= 1e4 ? mark / 1e3 + "k" : String(Number(mark.toPrecision(3))));
    }
    for (const share of [0, 0.25, 0.5, 0.75, 1])
      node(svg, "text", { x: x(endS * share), y: height - 6, "text-anchor": share === 0 ? "start" : share === 1 ? "end" : "middle" }, share === 0 ? "0" : seconds(endS * share));
    for (const name of names) {
      let path = "", pen = "M";
      for (const f of shown) {
        const v = valueOf(f, name);
        if (v === null || (log && v <= 0)) { pen = "M"; continue; }
        // A second between two without figures is a dot.
        path += pen + x(f.atS).toFixed(1) + " " + y(v).toFixed(1) + (pen === "M" ? "h.01" : "");
        pen = "L";
      }
      if (path !== "") node(svg, "path", { class: name, d: path });
    }
  }

  /** Many frames that come at once are shown once. */
  function show() {
    if (waiting) return;
    waiting = true;
    setTimeout(() => { waiting = false; onState(); onFrame(); announce(about); }, 30);
  }

  const source = new EventSource("/events");
  source.addEventListener("fresh", () => { frames = []; });
  source.addEventListener("state", (event) => { state = JSON.parse(event.data); show(); });
  source.addEventListener("frame", (event) => {
    const frame = JSON.parse(event.data);
    const last = frames[frames.length - 1];
    // A run that is repeated begins again.
    if (last !== undefined && last.run === frame.run && frame.atS <= last.atS && !frame.whole) frames = frames.filter((f) => f.run !== frame.run);
    frames.push(frame);
    if (frames.length > 4000) frames.splice(0, 400);
    show();
  });
  source.addEventListener("end", () => { source.close(); show(); });
  source.onerror = () => { if (source.readyState !== 2 && (state === null || state.status !== "finished")) { status("lost", "reconnecting"); announce("The connection is lost."); } };
  source.onopen = () => show();
  addEventListener("resize", show);
})();
`;
