/**
 * What the door alone can do: requests a second over a backend that answers at once. wrk drives it, closed loop, from its own process. The
 * second figure, requests per second of the door's own processor time, is what one undisturbed core would do: on a busy machine it holds still
 * while the first falls. `charge over the machine` has the service behind it, on one map in memory: the difference is what a charge costs.
 *
 *     node backend/servers/stripe/door.bench.ts [seconds] [connections]
 *
 * `--serve` and `--serve-machine` only serve, for a profile: node --cpu-prof backend/servers/stripe/door.bench.ts --serve
 */
import type { Answer, Request } from "../../api.ts";
import type { Charge } from "../../api-charges.ts";
import { MemoryCharges } from "../../services/charges/memory-charges.fixture.ts";
import { doorBench } from "../door-bench.fixture.ts";
import type { DoorLoad } from "../door-bench.fixture.ts";
import { createStripeDoor } from "./door.ts";
import type { DoorBackend } from "./dispatch.ts";

const charge: Charge = {
  id: "ch_10000000010mxLeh",
  amount: 1_999,
  amountRefunded: 0,
  currency: "usd",
  customer: "cus_10000000030mxLeh",
  description: null,
  metadata: { order: "6735" },
  source: "tok_visa",
  status: "succeeded",
  failureCode: null,
  failureMessage: null,
  created: 1_767_225_600,
};

const made: Answer = { kind: "ok", result: { kind: "charge", charge, replayed: false } };
const trivial: DoorBackend = { submit: (_request, done) => done(made) };

function overMachine(): DoorBackend {
  const charges = new MemoryCharges();
  return { submit: (request: Request, done) => done(charges.handle(request)) };
}

const post = `wrk.method = "POST"
wrk.path = "/v1/charges"
wrk.headers["authorization"] = "Bearer sk_test_bench"
wrk.headers["content-type"] = "application/x-www-form-urlencoded"
wrk.body = "amount=1999&currency=usd&source=tok_visa&metadata[order]=6735"
local n, run = 0, tostring(os.time())
function request()
  n = n + 1
  wrk.headers["idempotency-key"] = run .. "-" .. n
  return wrk.format()
end
`;
const get = `wrk.path = "/v1/charges/ch_10000000010mxLeh"\nwrk.headers["authorization"] = "Bearer sk_test_bench"\n`;

const loads: readonly DoorLoad[] = [
  { name: "charge", serve: "--serve", script: post },
  { name: "retrieve", serve: "--serve", script: get },
  { name: "charge over the machine", serve: "--serve-machine", script: post },
];

const open = (backend: DoorBackend) => createStripeDoor({ host: "127.0.0.1", port: 0, reusePort: false, backend });

await doorBench(
  import.meta.filename,
  { "--serve": () => open(trivial), "--serve-machine": () => open(overMachine()) },
  loads,
);
