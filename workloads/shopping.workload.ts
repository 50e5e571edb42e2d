/**
 * An example for `wavetank load`: shoppers at any service that speaks DynamoDB's JSON, for instance the reference backend.
 *
 *     npm start
 *     npm run wavetank -- load workloads/shopping.workload.ts --url http://127.0.0.1:8000 --rate 500
 *
 * Nine in ten look at a product. One in ten puts it into a cart, and then checks that the cart has it: what the first answer gave
 * (`capture`) is what the second request asks for.
 */
import type { HttpAnswer, HttpCall, HttpWorkload } from "./http.ts";

const products = 1_000;

function call(operation: string, body: object): HttpCall {
  const headers = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": `DynamoDB_20120810.${operation}`,
    Authorization:
      "AWS4-HMAC-SHA256 Credential=any/20260101/any/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=any",
    "X-Amz-Date": "20260101T000000Z",
  };
  return { method: "POST", path: "/", headers, body };
}

const get = (shelf: string, id: string): HttpCall =>
  call("GetItem", { TableName: shelf, Key: { id: { S: id } }, ConsistentRead: true });
const put = (shelf: string, item: object): HttpCall => call("PutItem", { TableName: shelf, Item: item });
const itemOf = (answer: HttpAnswer): Record<string, { S?: string; N?: string }> | undefined =>
  (answer.json() as { Item?: Record<string, { S?: string; N?: string }> }).Item;

export const workload: HttpWorkload<{ readonly shelf: string }> = {
  setup: async (client) => {
    // A table of its own each time, so that two loads in a row do not meet.
    const shelf = `shelf-${Date.now().toString(36)}`;
    await client.send(
      call("CreateTable", {
        TableName: shelf,
        AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
        BillingMode: "PAY_PER_REQUEST",
      }),
    );
    const stock = Array.from({ length: products }, (_, i) =>
      client.send(put(shelf, { id: { S: `product-${i}` }, price: { N: String(100 + i) } })),
    );
    for (const { status } of await Promise.all(stock))
      if (status !== 200) throw new Error(`stocking: status ${status}`);
    return { shelf };
  },
  operations: {
    look: {
      weight: 9,
      call: ({ random, shared }) => get(shared.shelf, `product-${random.below(products)}`),
      check: (answer) => itemOf(answer)?.price !== undefined || "the product has no price",
    },
    choose: {
      weight: 1,
      call: ({ random, shared }) => get(shared.shelf, `product-${random.below(products)}`),
      capture: (answer) => ({ price: itemOf(answer)?.price?.N }),
      next: "add",
    },
    add: {
      weight: 0,
      thinkMs: 20,
      call: ({ arrival, shared, vars }) =>
        put(shared.shelf, { id: { S: `cart-${arrival}` }, total: { N: String(vars.price) } }),
      next: "review",
    },
    review: {
      weight: 0,
      thinkMs: 20,
      call: ({ arrival, shared }) => get(shared.shelf, `cart-${arrival}`),
      check: (answer, { vars }) => itemOf(answer)?.total?.N === vars.price || "the cart's total is not the price",
    },
  },
  teardown: async (client, { shelf }) => {
    await client.send(call("DeleteTable", { TableName: shelf }));
  },
};
