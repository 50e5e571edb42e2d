/**
 * The objects that histories are held against: a register, and a key-value store that numbers its changes. A key that holds
 * nothing holds null.
 */
import type { Holding, Model } from "./model.ts";

export type Value = string | number;

/* ---- a register --------------------------------------------------------------------------------------------------------- */

export type RegisterInput =
  | { readonly kind: "read"; readonly key: string }
  | { readonly kind: "write"; readonly key: string; readonly value: Value | null }
  /** Writes `value` if the register holds `expected`. */
  | { readonly kind: "cas"; readonly key: string; readonly expected: Value | null; readonly value: Value | null };

export type RegisterOutput =
  | { readonly kind: "value"; readonly value: Value | null }
  | { readonly kind: "written" }
  | { readonly kind: "swapped"; readonly swapped: boolean };

const changes = (output: RegisterOutput): boolean =>
  output.kind === "written" || (output.kind === "swapped" && output.swapped);

export const registerModel: Model<Value | null, RegisterInput, RegisterOutput> = {
  initial: null,
  keyOf: ({ key }) => key,
  step(state, input, output) {
    switch (input.kind) {
      case "read":
        if (output === undefined) return state;
        return answer(input, output, "value").value === state ? state : undefined;
      case "write":
        if (output !== undefined) answer(input, output, "written");
        return input.value;
      case "cas": {
        const swaps = output === undefined || answer(input, output, "swapped").swapped;
        if (swaps !== (state === input.expected)) return undefined;
        return swaps ? input.value : state;
      }
    }
  },
  identity: (state) => (typeof state === "number" ? state : JSON.stringify(state)),
  changesNothing: (input, output) => input.kind === "read" || (output !== undefined && !changes(output)),
  holding: {
    of: (state) => state,
    needs(input, output) {
      if (output?.kind === "value") return output.value;
      return input.kind === "cas" && (output === undefined || changes(output)) ? input.expected : undefined;
    },
    leaves: (input, output) =>
      input.kind !== "read" && (output === undefined || changes(output)) ? input.value : undefined,
  },
  describeInput(input) {
    switch (input.kind) {
      case "read":
        return "read";
      case "write":
        return `write ${input.value}`;
      case "cas":
        return `swap ${input.expected} for ${input.value}`;
    }
  },
  describeOutput(output) {
    if (output.kind === "value") return String(output.value);
    return output.kind === "swapped" && !output.swapped ? "no" : "ok";
  },
  describeState: String,
};

/* ---- a key-value store -------------------------------------------------------------------------------------------------- */

export type KeyValueInput =
  | { readonly kind: "get"; readonly key: string }
  | { readonly kind: "put"; readonly key: string; readonly value: Value }
  | { readonly kind: "delete"; readonly key: string }
  /** Puts `value` if the key's number is `expected`; 0 stands for a key that holds nothing. */
  | { readonly kind: "put-if"; readonly key: string; readonly expected: number; readonly value: Value };

/** `number`: the key's mod revision or version after the change; absent where the store does not tell it. */
export type KeyValueOutput =
  | { readonly kind: "found"; readonly value: Value; readonly number?: number }
  | { readonly kind: "absent" }
  | { readonly kind: "put"; readonly number?: number }
  /** `number`: the revision of the deletion, if there was anything to delete. */
  | { readonly kind: "deleted"; readonly existed: boolean; readonly number?: number }
  | { readonly kind: "refused" };

export interface KeyValueState {
  readonly value: Value | null;
  /**
   * Of the last change, a deletion too. Null: not known yet, but above `floor` and none of `not`. Versions are always known, 0
   * without a value.
   */
  readonly number: number | null;
  /** The number, if it is known; else the least that the change before can have. */
  readonly floor: number;
  readonly not: readonly number[];
}

/**
 * What changes are numbered by. `mod-revision`, as in etcd: one counter for all keys, so that of one key only the rise can be
 * checked here (that the revisions of all keys agree with real time is `RealTimeOrder`'s to check). `version`: the number of
 * puts since the key held nothing.
 */
export type Numbering = "mod-revision" | "version";

export function keyValueModel(numbering: Numbering): Model<KeyValueState, KeyValueInput, KeyValueOutput> {
  const changed = numbering === "version" ? changedByOne : changedByMore;
  return {
    initial: { value: null, number: 0, floor: 0, not: [] },
    keyOf: ({ key }) => key,
    step: (state, input, output) => stepKeyValue(state, input, output, changed),
    identity: ({ value, number, floor, not }) => JSON.stringify([value, number ?? [floor, ...not]]),
    changesNothing: (input, output) => input.kind === "get" || output?.kind === "refused" || isIdleDelete(output),
    // What number a change leaves depends on the number before where it is counted.
    holding: numbering === "version" ? undefined : keyValueHolding,
    describeInput: describeKeyValueInput,
    describeOutput: describeKeyValueOutput,
    describeState: ({ value, number, floor }) =>
      value === null ? "nothing" : `${value} with number ${number ?? `above ${floor}`}`,
  };
}

const keyValueHolding: Holding<KeyValueState, KeyValueInput, KeyValueOutput> = {
  of: ({ value }) => value,
  needs(_, output) {
    if (output?.kind === "found") return output.value;
    return output?.kind === "absent" || isIdleDelete(output) ? null : undefined;
  },
  leaves(input, output) {
    if (input.kind === "get" || output?.kind === "refused" || isIdleDelete(output)) return undefined;
    return input.kind === "delete" ? null : input.value;
  },
};

function isIdleDelete(output: KeyValueOutput | undefined): boolean {
  return output?.kind === "deleted" && !output.existed;
}

type Changed = (state: KeyValueState, value: Value | null, number: number | undefined) => KeyValueState | undefined;

/** The state after a change that was given `number`, or one unknown. */
const changedByMore: Changed = (state, value, number) => {
  const least = leastNumber(state);
  if (number === undefined) return { value, number: null, floor: least, not: [] };
  return number > least ? { value, number, floor: number, not: [] } : undefined;
};

function leastNumber({ number, floor, not }: KeyValueState): number {
  if (number !== null) return number;
  let least = floor + 1;
  while (not.includes(least)) least++;
  return least;
}

const changedByOne: Changed = (state, value, number) => {
  const version = value === null ? 0 : (state.number ?? 0) + 1;
  if (value !== null && number !== undefined && number !== version) return undefined;
  return { value, number: version, floor: version, not: [] };
};

function stepKeyValue(
  state: KeyValueState,
  input: KeyValueInput,
  output: KeyValueOutput | undefined,
  changed: Changed,
): KeyValueState | undefined {
  switch (input.kind) {
    case "get":
      if (output === undefined) return state;
      if (output.kind === "absent") return state.value === null ? state : undefined;
      return found(state, answer(input, output, "found"));
    case "put":
      return changed(state, input.value, output && answer(input, output, "put").number);
    case "delete": {
      const existed = state.value !== null;
      if (output !== undefined && answer(input, output, "deleted").existed !== existed) return undefined;
      if (!existed) return output && state;
      return changed(state, null, output && answer(input, output, "deleted").number);
    }
    case "put-if":
      if (output?.kind === "refused") return isNot(state, input.expected);
      if (!mayBe(state, input.expected)) return undefined;
      return changed(known(state, input.expected), input.value, output && answer(input, output, "put").number);
  }
}

function found(state: KeyValueState, { value, number }: Extract<KeyValueOutput, { kind: "found" }>) {
  if (state.value !== value) return undefined;
  if (number === undefined) return state;
  return mayBe(state, number) ? known(state, number) : undefined;
}

function mayBe(state: KeyValueState, number: number): boolean {
  if (state.value === null) return number === 0;
  return state.number === null ? number > state.floor && !state.not.includes(number) : state.number === number;
}

function known(state: KeyValueState, number: number): KeyValueState {
  return state.value === null || state.number !== null ? state : { ...state, number, floor: number, not: [] };
}

/** The state in which a swap that expected `number` was refused. */
function isNot(state: KeyValueState, number: number): KeyValueState | undefined {
  if (!mayBe(state, number)) return state;
  if (state.value === null || state.number !== null) return undefined;
  return { ...state, not: [...state.not, number].sort((a, b) => a - b) };
}

function describeKeyValueInput(input: KeyValueInput): string {
  switch (input.kind) {
    case "get":
    case "delete":
      return input.kind;
    case "put":
      return `put ${input.value}`;
    case "put-if":
      return `put ${input.value} if the number is ${input.expected}`;
  }
}

function describeKeyValueOutput(output: KeyValueOutput): string {
  const numbered = "number" in output && output.number !== undefined ? ` with number ${output.number}` : "";
  switch (output.kind) {
    case "found":
      return `${output.value}${numbered}`;
    case "absent":
      return "nothing";
    case "put":
      return `ok${numbered}`;
    case "deleted":
      return output.existed ? `ok${numbered}` : "there was nothing";
    case "refused":
      return "refused";
  }
}

/** The output as the kind that answers such an input; another one is a mistake of whoever recorded the history. */
function answer<Output extends { readonly kind: string }, Kind extends Output["kind"]>(
  input: { readonly kind: string },
  output: Output,
  kind: Kind,
): Extract<Output, { readonly kind: Kind }> {
  if (output.kind !== kind)
    throw new RangeError(
      `a ${input.kind} was answered with an output it cannot have; got ${output.kind}; expected ${kind}; fix: what records the history`,
    );
  return output as Extract<Output, { readonly kind: Kind }>;
}
