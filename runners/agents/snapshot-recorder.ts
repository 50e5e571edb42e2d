/**
 * A recorder that can also be asked what is new since it was asked before, so that a slice whose machine dies is not lost with
 * it. The news are another recorder's, which hears everything the whole one hears and is replaced at each asking: the sum of
 * all news is the whole, to the bucket, because counts and histograms add.
 */
import type { Micros } from "../../backend/kernel/units.ts";
import { Recorder, type Ending, type RecorderParts, type RecorderPlan } from "../measure/recorder.ts";

export class SnapshotRecorder extends Recorder {
  private readonly names: string[] = [];
  private news: Recorder;

  constructor(plan: RecorderPlan) {
    super(plan);
    this.news = new Recorder(plan);
  }

  /** What was recorded since the last call, as another recorder's `merge` takes it. */
  take(): RecorderParts {
    const parts = this.news.parts();
    this.news = new Recorder(this.plan);
    // Operations under way keep their kind's number.
    for (const name of this.names) this.news.operation(name);
    return parts;
  }

  override operation(name: string): number {
    const number = super.operation(name);
    if (number === this.names.length) {
      this.names.push(name);
      this.news.operation(name);
    }
    return number;
  }

  override began(operation: number, intendedUs: Micros, lateUs: Micros): void {
    super.began(operation, intendedUs, lateUs);
    this.news.began(operation, intendedUs, lateUs);
  }

  override dropped(operation: number, intendedUs: Micros): void {
    super.dropped(operation, intendedUs);
    this.news.dropped(operation, intendedUs);
  }

  override attempted(operation: number, intendedUs: Micros, nowUs: Micros): void {
    super.attempted(operation, intendedUs, nowUs);
    this.news.attempted(operation, intendedUs, nowUs);
  }

  override ended(operation: number, ending: Ending): void {
    super.ended(operation, ending);
    this.news.ended(operation, ending);
  }

  override lateAnswer(): void {
    super.lateAnswer();
    this.news.lateAnswer();
  }
}
