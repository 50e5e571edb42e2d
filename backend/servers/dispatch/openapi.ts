/** The description of the dispatch interface, as clients fetch it from /openapi.json (OpenAPI 3.1). */

const place = {
  latitude: { type: "number", minimum: -90, maximum: 90 },
  longitude: { type: "number", minimum: -180, maximum: 180 },
};
const name = { type: "string", minLength: 1, maxLength: 128 };
const nullable = (schema: object): object => ({ anyOf: [schema, { type: "null" }] });

function object(properties: Readonly<Record<string, object>>, optional: readonly string[] = []): object {
  return { type: "object", properties, required: Object.keys(properties).filter((key) => !optional.includes(key)) };
}

const trip = object({ trip: name, driver: name, rider: { type: "string" }, ended: { type: "boolean" } });
const node = { type: "integer", minimum: 0 };

const errors = {
  "400": { description: "The request breaks a rule; nothing happened." },
  "503": {
    description: "Refused (unavailable: nothing happened) or unknown (it may have happened; send the same again).",
  },
  "504": { description: "The time was up. The outcome is unknown; send the same again." },
};

function operation(summary: string, result: object, body?: object, parameter?: string): object {
  const json = (schema: object): object => ({ "application/json": { schema } });
  return {
    summary,
    ...(parameter === undefined ? {} : { parameters: [{ name: parameter, in: "path", required: true, schema: name }] }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(body) } }),
    responses: { "200": { description: "Done", content: json(result) }, ...errors },
  };
}

const ended = object({ ended: { type: "boolean", description: "False: no such trip began, and now none will." } });
const match = object({
  driver: name,
  from: object(place),
  distanceMeters: { type: "integer" },
  etaSeconds: { type: "integer" },
});
const driver = object({
  driver: name,
  ...place,
  heading: { type: ["number", "null"] },
  state: { enum: ["available", "off"] },
  trip: nullable(name),
  cell: { type: "string", description: "H3 index" },
  owner: node,
  ageUs: { type: "integer" },
});
const state = { enum: ["available", "off"], default: "available" };
const heading = { type: "number", minimum: 0, maximum: 360 };

const description = {
  openapi: "3.1.0",
  info: {
    title: "Wavetank dispatch",
    version: "1",
    description:
      "Drivers say where they are, riders are given the nearest free one. A trip is named by whoever asks for it.",
  },
  paths: {
    "/v1/drivers/{driver}/position": {
      post: operation(
        "Say where a driver is, every few seconds; answers with the trip it is on.",
        object({ trip: nullable(name), cell: { type: "string" }, owner: node }),
        object({ ...place, heading, state }, ["heading", "state"]),
        "driver",
      ),
    },
    "/v1/drivers/{driver}": {
      get: operation("Where a driver is.", object({ driver: nullable(driver) }), undefined, "driver"),
    },
    "/v1/trips": {
      post: operation(
        "Have the nearest free driver; sent again with the same trip: the same driver. Null: nobody is free within reach.",
        object({ trip: name, match: nullable(match) }),
        object({ trip: name, rider: name, ...place }),
      ),
      get: operation("Every trip that is remembered.", object({ trips: { type: "array", items: trip } })),
    },
    "/v1/trips/{trip}": {
      get: operation("What has become of a trip.", object({ trip: nullable(trip) }), undefined, "trip"),
    },
    "/v1/trips/{trip}/end": { post: operation("The trip is over.", ended, undefined, "trip") },
    "/v1/trips/{trip}/cancel": { post: operation("The trip is called off.", ended, undefined, "trip") },
    "/v1/status": {
      get: operation(
        "What the node that answers knows.",
        object({
          node,
          alive: { type: "array", items: node },
          checksum: { type: "integer" },
          drivers: node,
          free: node,
          onTrip: node,
        }),
      ),
    },
  },
};

export const openApiText = JSON.stringify(description);
