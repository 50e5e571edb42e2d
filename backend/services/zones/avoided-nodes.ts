/**
 * Which nodes are worth asking. A node that did not answer `afterErrors` times in a row is avoided for `forUs`; then one request may try it, and the
 * next failure avoids it for as long again. Any answer clears it.
 */
import type { Micros, NodeId } from "../../kernel/units.ts";

export class AvoidedNodes {
  private readonly env: { readonly now: Micros };
  private readonly afterErrors: number;
  private readonly forUs: Micros;
  private readonly errors: number[];
  private readonly until: Micros[];

  constructor(env: { readonly now: Micros }, nodes: number, afterErrors: number, forUs: Micros) {
    this.env = env;
    this.afterErrors = afterErrors;
    this.forUs = forUs;
    this.errors = Array.from({ length: nodes }, () => 0);
    this.until = Array.from({ length: nodes }, () => -Infinity);
  }

  onAnswer(node: NodeId): void {
    this.errors[node] = 0;
  }

  onError(node: NodeId): void {
    if (++this.errors[node] >= this.afterErrors) this.until[node] = this.env.now + this.forUs;
  }

  avoids(node: NodeId): boolean {
    return this.errors[node] >= this.afterErrors && this.env.now < this.until[node];
  }

  /** May it be asked now? Of a node that was avoided, once in `forUs`. */
  mayAsk(node: NodeId): boolean {
    if (this.errors[node] < this.afterErrors) return true;
    if (this.env.now < this.until[node]) return false;
    this.until[node] = this.env.now + this.forUs;
    return true;
  }
}
