/**
 * Puts the progress of a suite on a terminal: drawn over itself where lines can be redrawn, and elsewhere (CI, a pipe) as one
 * line a finished run and one every ten seconds between.
 *
 * A simulated run holds the event loop, so frames are drawn from the suite's own calls as well as from a timer.
 */
import type { Terminal } from "./command-terminal.ts";
import {
  endExperiment,
  endRun,
  heartbeatLine,
  newProgress,
  plan,
  planLine,
  renderProgress,
  runLine,
  startRun,
  type ProgressState,
} from "./progress.ts";
import type { SuiteObserver } from "./suite-types.ts";

const frameMs = 100;
const heartbeatMs = 10_000;

const hideCursor = "\x1b[?25l";
const showCursor = "\x1b[?25h";

export class ProgressDisplay {
  readonly observer: SuiteObserver;
  private readonly terminal: Terminal;
  private readonly state: ProgressState;
  private readonly nowMs: () => number;
  private readonly beganMs: number;
  private readonly timer: NodeJS.Timeout;
  /** Of the frame on the screen. */
  private drawnLines = 0;
  private lastMs = -Infinity;
  private ended = false;

  constructor(terminal: Terminal, title: string, nowMs: () => number = () => performance.now()) {
    this.terminal = terminal;
    this.state = newProgress(title);
    this.nowMs = nowMs;
    this.beganMs = nowMs();
    this.observer = this.observe();
    if (terminal.interactive) terminal.note(hideCursor);
    this.timer = setInterval(() => this.tick(), terminal.interactive ? frameMs : 1_000);
    this.timer.unref();
  }

  /** The suite was told to stop; says so until it has. */
  stopping(): void {
    this.state.stopping = true;
    if (this.terminal.interactive) this.draw();
    else this.terminal.note("stopping: the report will hold what is finished (a second Ctrl-C leaves at once)\n");
  }

  /** Wipes the frame and gives the terminal back. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.timer);
    if (this.terminal.interactive) this.terminal.note(`${this.homeOfFrame()}\x1b[J${showCursor}`);
  }

  private observe(): SuiteObserver {
    return {
      onPlan: (items) => {
        plan(this.state, items);
        this.tick();
      },
      onRunStart: (item) => {
        startRun(this.state, item, this.nowS());
        this.tick();
      },
      onRunProgress: (_item, progress) => {
        this.state.live = progress;
        this.tick();
      },
      onRunEnd: (item, run) => {
        endRun(this.state, item, this.nowS());
        if (this.terminal.interactive) this.tick();
        else this.line(runLine(this.state, item, run, this.nowS()));
      },
      onExperimentEnd: (result) => {
        endExperiment(this.state, result);
        this.tick();
      },
      onNote: (text) => {
        if (this.terminal.interactive) this.terminal.note(`${this.homeOfFrame()}\x1b[J${text}\n`);
        else this.line(text);
        this.drawnLines = 0;
      },
    };
  }

  /** Whatever is due: a frame, or a line that says that something still happens. */
  private tick(): void {
    if (this.ended || this.state.items.length === 0) return;
    const sinceMs = this.nowMs() - this.lastMs;
    if (this.terminal.interactive) {
      if (sinceMs >= frameMs) this.draw();
    } else if (this.lastMs === -Infinity) {
      this.line(planLine(this.state));
    } else if (sinceMs >= heartbeatMs) {
      this.line(heartbeatLine(this.state, this.nowS()));
    }
  }

  private line(text: string): void {
    this.lastMs = this.nowMs();
    this.terminal.note(`${text}\n`);
  }

  /** One write a frame: each line replaces the one below it, and what is left of a taller frame is wiped. */
  private draw(): void {
    this.lastMs = this.nowMs();
    const look = { columns: this.terminal.columns(), rows: this.terminal.rows(), colour: this.terminal.colour };
    const lines = renderProgress(this.state, look, this.nowS());
    this.terminal.note(`${this.homeOfFrame()}${lines.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
    this.drawnLines = lines.length;
  }

  private homeOfFrame(): string {
    return this.drawnLines === 0 ? "" : `\x1b[${this.drawnLines}F`;
  }

  private nowS(): number {
    return (this.nowMs() - this.beganMs) / 1_000;
  }
}
