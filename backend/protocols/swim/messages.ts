/** What members say to each other. All but tables have a bounded size, whatever the number of members. */
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Claims } from "./claims.ts";

export type SwimMessage =
  /** `checksum`: of the sender's table. */
  | { readonly kind: "ping"; readonly sequence: number; readonly checksum: number; readonly claims: Claims }
  /** Ping `target` for me and tell me when it answers, or (`nackUs` above 0) that it did not within that time. */
  | {
      readonly kind: "ping-req";
      readonly sequence: number;
      readonly target: NodeId;
      readonly nackUs: Micros;
      readonly claims: Claims;
    }
  /** The member pinged is alive: said by itself, or passed on by whoever was asked to ping it. */
  | { readonly kind: "ack"; readonly sequence: number; readonly claims: Claims }
  /** Lifeguard: I am well, and the member you asked me to ping did not answer me. */
  | { readonly kind: "nack"; readonly sequence: number }
  /** If your table has another checksum, show it to me. */
  | { readonly kind: "sync"; readonly checksum: number; readonly claims: Claims }
  /** Everything I know (`whole`), or what you do not know yet. */
  | { readonly kind: "table"; readonly whole: boolean; readonly claims: Claims };
