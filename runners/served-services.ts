/** What `wavetank serve` can run: by the interface that clients speak, the deployment behind it and how it is called by hand. */
import type { Replication, ServiceSpec } from "../backend/api.ts";
import { mebibyte, second } from "../backend/kernel/units.ts";

export interface ServedService {
  /** Of a backend of `nodes` nodes. `bridged`: events go to a sink outside of it. */
  spec(nodes: number, bridged: boolean): ServiceSpec;
  /** What is kept how, in a few words. */
  describe(replication: Replication, nodes: number): string;
  /** Commands that show it working at `url`. */
  call(url: string): string;
}

/** Nodes beyond the fifth carry requests to the log and keep none. */
const maxReplicas = 5;

function replicasOf(nodes: number): number[] {
  // An even number bears no more losses than the odd one below it.
  const count = Math.min(nodes, maxReplicas);
  return [...Array(count - ((count + 1) % 2)).keys()];
}

const dynamodb: ServedService = {
  spec: () => ({ kind: "tables", virtualNodes: 150, quorumTimeoutUs: 2 * second }),
  describe: ({ n, r, w }) => `tables of N=${n} R=${r} W=${w}`,
  call: (url) => `Call it as DynamoDB, from an AWS SDK with endpoint ${url}, any region and any credentials, or by hand:
  dynamodb() { curl -s ${url} --aws-sigv4 aws:amz:local:dynamodb --user any:any \\
    -H 'Content-Type: application/x-amz-json-1.0' -H "X-Amz-Target: DynamoDB_20120810.$1" -d "$2"; echo; }
  dynamodb CreateTable '{"TableName":"tank","BillingMode":"PAY_PER_REQUEST",
    "AttributeDefinitions":[{"AttributeName":"k","AttributeType":"S"}],"KeySchema":[{"AttributeName":"k","KeyType":"HASH"}]}'
  dynamodb PutItem '{"TableName":"tank","Item":{"k":{"S":"wave"},"height":{"N":"3"}}}'
  dynamodb GetItem '{"TableName":"tank","Key":{"k":{"S":"wave"}},"ConsistentRead":true}'`,
};

const stripe: ServedService = {
  spec: (nodes, bridged) => ({
    kind: "charges",
    log: { replicas: replicasOf(nodes) },
    events: bridged ? undefined : { sink: nodes - 1, by: "outbox" },
  }),
  describe: (_replication, nodes) => `charges on a log of ${replicasOf(nodes).length} replicas`,
  call: (
    url,
  ) => `Call it as Stripe, from an official client pointed at ${new URL(url).host} over http, with any key sk_test_..., or by hand:
  stripe() { curl -s -u sk_test_wave: "${url}/v1/$@"; }
  stripe charges -H 'Idempotency-Key: wave-1' -d amount=2000 -d currency=usd -d source=tok_visa
  stripe charges -H 'Idempotency-Key: wave-1' -d amount=2000 -d currency=usd -d source=tok_visa
  stripe charges -d amount=2000 -d currency=usd -d source=tok_chargeDeclined
  stripe balance`,
};

const etcd: ServedService = {
  spec: (nodes) => ({ kind: "keys", log: { replicas: replicasOf(nodes) } }),
  describe: (_replication, nodes) => `keys on a log of ${replicasOf(nodes).length} replicas`,
  // In base64 d2F2ZQ== is "wave", Mw== "3" and NA== "4".
  call: (url) => `Call it as etcd, through the JSON gateway of its v3 API, where keys and values are base64:
  etcd() { curl -s ${url}/v3/$1 -d "$2"; echo; }
  etcd kv/put '{"key":"d2F2ZQ==","value":"Mw=="}'
  etcd kv/range '{"key":"d2F2ZQ=="}'
  etcd kv/txn '{"compare":[{"target":"VERSION","key":"d2F2ZQ==","version":"1"}],
    "success":[{"requestPut":{"key":"d2F2ZQ==","value":"NA=="}}]}'
  curl -sN ${url}/v3/watch -d '{"create_request":{"key":"d2F2ZQ==","start_revision":"1"}}'`,
};

const memcached: ServedService = {
  spec: () => ({ kind: "cache", memoryBytes: 64 * mebibyte }),
  describe: () => "a cache of 64 MiB a node",
  call: (url) => `Call it as memcached, from any client pointed at ${new URL(url).host}, or by hand:
  memcached() { printf '%b' "$1\\r\\nquit\\r\\n" | curl -s telnet://${new URL(url).host}; }
  memcached 'set wave 0 60 3\\r\\n3 m'
  memcached 'get wave'
  memcached 'mg wave v t c'`,
};

const dispatch: ServedService = {
  spec: (nodes) => ({ kind: "dispatch", keepers: replicasOf(nodes) }),
  describe: (_replication, nodes) => `drivers in memory, trips on the disks of ${replicasOf(nodes).length} keepers`,
  call: (url) => `Call it by hand; its description is at ${url}/openapi.json:
  dispatch() { curl -s "${url}/v1/$@"; echo; }
  dispatch drivers/anna/position -d '{"latitude":52.5219,"longitude":13.4132,"heading":90}'
  dispatch trips -d '{"trip":"wave-1","rider":"ben","latitude":52.5163,"longitude":13.3777}'
  dispatch drivers/anna
  dispatch trips/wave-1/end -X POST`,
};

export const servedServices = { dispatch, dynamodb, etcd, memcached, stripe } as const satisfies Record<
  string,
  ServedService
>;

export type ServiceName = keyof typeof servedServices;
