// The documents of /api/trust and /api/findings, as `queries/findings/` defines them.
import type { EventRow } from "./documents.js";

export type Severity = "problem" | "warning" | "note";

export interface Finding {
  key: string;
  severity: Severity;
  text: string;
  advice: string;
  count: number;
  of: number | null;
  share: number | null;
  evidence: string;
}

export interface Good {
  key: string;
  text: string;
}

export interface TypeIdentity {
  type: string;
  nami: string | null;
  events: number;
  with_user: number;
  device_alone: number;
}

export interface SharedId {
  id: string | null;
  users: [string, string | null][];
  count: number;
}

export interface Identity {
  types: TypeIdentity[];
  user_ids: number;
  devices_alone: number;
  shared_devices: number;
  devices: SharedId[];
  nami_users_with_several_ids: number;
  nami_users: SharedId[];
  has_nami_ids: boolean;
}

export interface Completeness {
  name: string;
  events: number;
  present: number;
  empty: number;
  true: number;
  wrong_type: number;
  is_constant: boolean;
  example: number | null;
}

export interface Timeliness {
  states: number;
  late: number;
  overwrote: number;
  marked: number;
  future: number;
  too_old: number;
  shown: { event: EventRow; behind: number; leaves_user_alone: boolean }[];
}

export interface OtherType {
  type: string;
  events: number;
  is_beyond: boolean;
}

export interface Money {
  currency: string;
  is_revenue: boolean;
  is_sandbox: boolean;
  is_refund: boolean;
  events: number;
  amount: string;
}

export interface RejectReason {
  reason: string;
  count: number;
  line: number;
  stream: string;
  type: string | null;
  field: string;
  detail: string;
}

export interface Rejects {
  path: string;
  count: number;
  reasons: RejectReason[];
  is_complete: boolean;
  problem: string | null;
}

export interface RunReport {
  read: number;
  delivered: number;
  filtered: number;
  rejected: number;
  held: number;
  duplicate: number;
  outcome: string;
  destination: string;
  started_at: string;
  open: number;
  filtered_by_reason: Record<string, number>;
  rejected_by_reason: Record<string, number>;
}

export interface Report {
  path: string;
  run: RunReport | null;
  problem: string | null;
}

export interface Evidence {
  events: number;
  user_source: string;
  has_names: boolean;
  identity: Identity;
  completeness: Completeness[];
  timeliness: Timeliness;
  other_types: OtherType[];
  traffic: { requests: number; refused: number; duplicates: number };
  money: { sums: Money[]; mixed_sandbox: number };
  rejects: Rejects | null;
  report: Report | null;
}

export interface Property {
  scope: "field" | "event" | "user";
  name: string;
  present: number;
  types: Record<string, number>;
  is_constant: boolean;
  example: string | null;
  event: number | null;
}

export interface TypeProperties {
  type: string;
  events: number;
  properties: Property[];
}

export interface Trust {
  findings: Finding[];
  good: Good[];
  evidence: Evidence;
  properties: TypeProperties[];
}
