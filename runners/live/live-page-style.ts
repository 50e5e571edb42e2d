/** How the live page looks: one accent a series, the same on light and dark paper, and in one column on a telephone. */
export const liveStyle = `
:root { color-scheme: light dark; --paper: #f7f8fa; --card: #fff; --ink: #16202c; --quiet: #5a6675; --line: #dde2e8;
  --offered: #6b7785; --ok: #0b6fb8; --refused: #a85800; --unknown: #b3261e; --fault: #b3261e22; --good: #11704a; }
@media (prefers-color-scheme: dark) { :root { --paper: #0f141a; --card: #171e26; --ink: #e8edf2; --quiet: #9ba8b6; --line: #2b3540;
  --offered: #9aa7b5; --ok: #5db2f0; --refused: #f0a254; --unknown: #ff8a80; --fault: #ff8a8026; --good: #5fd3a0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 20px 16px 32px; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 4px 0 2px; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 0 0 10px; }
h2 .quiet { font-weight: 400; font-size: .85rem; }
p { margin: 0; }
.quiet { color: var(--quiet); }
.brand { font-weight: 600; color: var(--quiet); }
.pill { display: inline-block; margin-left: 6px; padding: 1px 10px; border-radius: 99px; border: 1px solid currentColor; font-size: .8rem; }
.pill.running { color: var(--good); } .pill.lost { color: var(--unknown); } .pill.finished { color: var(--ok); }
.number, td, dd { font-variant-numeric: tabular-nums; }
.progress { display: grid; grid-template-columns: 3.2em 1fr 11em; gap: 10px; align-items: center; margin-top: 8px; font-size: .9rem; }
.progress span { text-align: right; color: var(--quiet); }
progress { width: 100%; height: 8px; appearance: none; border: 0; border-radius: 4px; overflow: hidden; background: var(--line); }
progress::-webkit-progress-bar { background: var(--line); }
progress::-webkit-progress-value { background: var(--ok); }
progress::-moz-progress-bar { background: var(--ok); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; margin-top: 14px; }
.faults { margin-top: 14px; padding: 8px 14px; border-radius: 8px; background: var(--fault); color: var(--unknown); font-weight: 600; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 10px; margin: 0 0 10px; }
.tile dt { color: var(--quiet); font-size: .9rem; }
.tile dd { margin: 0; white-space: nowrap; } .tile b { font-size: 1.7rem; font-weight: 650; } .tile small { color: var(--quiet); }
i { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 7px; vertical-align: 4px; background: currentColor; }
.offered i { color: var(--offered); } .ok i, .p50 i { color: var(--ok); } .refused i, .p99 i { color: var(--refused); }
.unknown i, .max i { color: var(--unknown); }
.chart { display: block; width: 100%; height: 190px; }
.chart text { fill: var(--quiet); font-size: 11px; font-variant-numeric: tabular-nums; }
.chart .grid { stroke: var(--line); } .chart .band { fill: var(--fault); }
.chart path { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.chart .offered { stroke: var(--offered); stroke-dasharray: 4 5; } .chart .ok, .chart .p50 { stroke: var(--ok); }
.chart .refused, .chart .p99 { stroke: var(--refused); } .chart .unknown { stroke: var(--unknown); }
.chart .max { stroke: var(--unknown); stroke-dasharray: 1 5; }
.legend { font-size: .85rem; } .legend span { margin-right: 16px; }
.beside { display: grid; grid-template-columns: 1fr 17em; gap: 22px; align-items: start; }
.columns { display: grid; grid-template-columns: 1fr 1fr; gap: 14px; }
table { width: 100%; border-collapse: collapse; }
th { text-align: left; font-weight: 400; } thead th { color: var(--quiet); font-size: .85rem; }
td, thead th:not(:first-child) { text-align: right; }
td, th { padding: 4px 0 4px 10px; border-bottom: 1px solid var(--line); } th:first-child { padding-left: 0; }
tbody tr:last-child > * { border-bottom: 0; }
.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
footer { margin-top: 16px; font-size: .85rem; } a { color: var(--ok); } a:focus-visible { outline: 2px solid; outline-offset: 2px; }
@media (max-width: 640px) { .beside, .columns { grid-template-columns: 1fr; gap: 12px; } .columns { gap: 0; }
  .tiles { grid-template-columns: 1fr 1fr; } .progress { grid-template-columns: 2.8em 1fr 8.5em; } h1 { font-size: 1.3rem; } }
`;
