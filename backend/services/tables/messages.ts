/** What the nodes of a table service say to one another beyond the quorum protocol's own words. */
import type { Answer, TableRequest, TableSpec } from "../../api.ts";
import type { CapacityLimits, CapacityReport } from "../../policies/capacity/table-controller.ts";
import type { Micros } from "../../kernel/units.ts";
import type { QuorumMessage } from "../../protocols/quorum/messages.ts";

/** One table as all nodes know it. The higher (version, id) wins; a deleted table stays as its tombstone. */
export interface CatalogEntry {
  readonly spec: TableSpec;
  readonly version: number;
  readonly id: string;
  readonly createdAt: number;
  readonly deleted: boolean;
}

export type TablesMessage =
  | QuorumMessage
  /** You are the one to coordinate this; answer me, I answer the client. */
  | {
      readonly kind: "forward";
      readonly operation: number;
      readonly body: TableRequest;
      readonly leftUs: Micros;
      /** The sender's earliest idea of the true time. */
      readonly sentAt: Micros;
    }
  | { readonly kind: "forward-answer"; readonly operation: number; readonly answer: Answer }
  /** Know these tables, and say so once it is durable. */
  | { readonly kind: "catalog"; readonly change: number; readonly entries: readonly CatalogEntry[] }
  | { readonly kind: "catalog-known"; readonly change: number }
  /** I have just started: what tables are there? */
  | { readonly kind: "catalog-ask" }
  /** What my partitions of this table consumed and refused in the last interval. */
  | {
      readonly kind: "capacity-report";
      readonly table: string;
      readonly id: string;
      readonly report: CapacityReport;
    }
  | {
      readonly kind: "capacity-limits";
      readonly table: string;
      readonly id: string;
      readonly limits: CapacityLimits;
    };

/** "hedge": by read of the coordinator. */
export type TablesTimer = "tick" | "capacity" | "hedge";
