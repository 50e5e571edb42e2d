/**
 * A workload of one's own, for any HTTP service: a file that exports `workload`.
 *
 *     import type { HttpWorkload } from "./workloads/http.ts";
 *
 *     export const workload: HttpWorkload<{ token: string }> = {
 *       setup: async (client) => ({ token: (await client.send({ method: "POST", path: "/login" })).header("x-token")! }),
 *       operations: {
 *         view: { weight: 9, call: ({ random }) => ({ path: `/items/${random.below(1000)}` }) },
 *         add:  { weight: 1, call: () => ({ path: "/carts", body: { sku: 7 } }),
 *                 capture: (answer) => ({ cart: (answer.json() as { id: string }).id }), next: "pay" },
 *         pay:  { weight: 0, call: ({ vars }) => ({ method: "POST", path: `/carts/${vars.cart}/pay` }) },
 *       },
 *     };
 *
 * Each arrival begins a session: an operation drawn by weight, then what its `next` names, each with what the answers before it
 * gave (`capture`). Everything random comes from the session's own stream, so any slice on any machine makes its own part.
 */
import type { Random } from "../backend/kernel/random.ts";

/** One request. Without a method it is a GET, or a POST when it has a body. */
export interface HttpCall {
  readonly method?: string;
  /** Path and query, beginning with a slash. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text and bytes go as they are, anything else as JSON with its content type. */
  readonly body?: unknown;
}

/** An answer, as long as the function it is given to runs. */
export interface HttpAnswer {
  readonly status: number;
  /** Whole body; a view that is overwritten later. */
  readonly body: Uint8Array;
  /** By name, whatever its case. */
  header(name: string): string | undefined;
  text(): string;
  /** Throws SyntaxError when the body is no JSON, which counts as a failed check. */
  json(): unknown;
}

/** What one arrival knows. */
export interface HttpSession<Shared> {
  /** Its number in the whole load. */
  readonly arrival: number;
  readonly random: Random;
  /** What `setup` returned. */
  readonly shared: Shared;
  /** What `capture` took from this session's answers. */
  readonly vars: Record<string, unknown>;
}

export interface HttpOperation<Shared> {
  /** Share of arrivals that begin with it, relative to the others' weights; 1 when absent, 0 for what only `next` reaches. */
  readonly weight?: number;
  call(session: HttpSession<Shared>): HttpCall;
  /** False, or words that say what is wrong: the answer is not what was asked for. Without it, a status below 400 is right. */
  check?(answer: HttpAnswer, session: HttpSession<Shared>): boolean | string;
  /** Variables for the operations that follow. Only of answers that are right. */
  capture?(answer: HttpAnswer, session: HttpSession<Shared>): Readonly<Record<string, unknown>>;
  /** The operation that follows when this one went well; null or absent ends the session. */
  readonly next?: string | ((session: HttpSession<Shared>) => string | null);
  /** From the previous operation's intended start to this one's, milliseconds; 0 when absent. */
  readonly thinkMs?: number | ((session: HttpSession<Shared>) => number);
}

/** Requests outside the load: set-up and tear-down. Rejects when there is no answer within half a minute. */
export interface HttpClient {
  send(call: HttpCall): Promise<HttpAnswer>;
}

export interface HttpWorkload<Shared = undefined> {
  /** Runs once before each load. What it returns is copied to every generator thread, so it must be plain data. */
  setup?(client: HttpClient): Promise<Shared> | Shared;
  readonly operations: Readonly<Record<string, HttpOperation<Shared>>>;
  /** Runs after the load, also when the load was interrupted. */
  teardown?(client: HttpClient, shared: Shared): Promise<void> | void;
}
