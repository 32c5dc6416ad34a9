// The documents of the JSON API, as `queries/` in Python defines them.

export interface EventRow {
  number: number;
  time: number;
  uploaded: number;
  type: string;
  user_id: string | null;
  device_id: string;
  insert_id: string | null;
  request: number;
  user: string;
  changes: number;
}

export interface RequestRow {
  number: number;
  time: number;
  api: string;
  status: number;
  events: number;
  duplicates: number;
  payload_bytes: number;
  wire_bytes: number;
  milliseconds: number | null;
  fault: string;
  error: string;
}

export interface UserRow {
  key: string;
  user_id: string | null;
  device_id: string | null;
  kind: "user" | "device";
  status:
    | "unknown"
    | "never"
    | "former"
    | "trial"
    | "intro"
    | "active"
    | "cancelled"
    | "grace"
    | "account_hold"
    | "paused";
  events: number;
  last: number | null;
}

export interface State {
  file: string;
  first: number | null;
  last: number | null;
  types: string[];
  users: number;
  version: number;
  region: string;
}

export interface Totals {
  events: number;
  users: number;
  duplicates: number;
  identifies: number;
  requests: number;
  refused: number;
}

export interface TypeRow {
  type: string;
  events: number;
  users: number;
}

export interface Overview {
  totals: Totals;
  types: TypeRow[];
  bucket: number;
  starts: number[];
  series: { type: string; counts: number[] }[];
}

export interface EventPage {
  events: EventRow[];
  next: string | null;
}

export interface Change {
  name: string;
  before: string | null;
  after: string | null;
}

export interface EventDetails {
  row: EventRow;
  sent: string;
  stored: string;
  property_changes: Change[];
}

export interface Property {
  name: string;
  value: string;
  set_at: number | null;
  event: number | null;
  type: string | null;
}

export interface UserPage {
  users: UserRow[];
  next: string | null;
}

export interface UserDetails {
  user: UserRow;
  first: number | null;
  devices: string[];
  nami_ids: string[];
  fields: Record<string, unknown>;
  properties: Property[];
  platforms: Record<string, string>;
  timeline: EventPage;
}

export interface RequestPage {
  requests: RequestRow[];
  next: string | null;
  first: number | null;
  last: number | null;
}

export interface FaultyEvent {
  index: number;
  why: "missing" | "invalid" | "short" | "forbidden" | "throttled" | "silenced";
  field: string | null;
  event: string | null;
}

export interface SentEvent {
  place: number;
  number: number | null;
  text: string;
}

export interface SentEvents {
  events: SentEvent[];
  total: number;
  next: string | null;
}

export interface RequestDetails {
  request: RequestRow;
  answer: string;
  marked: FaultyEvent[];
  marked_in_all: number;
  sent: SentEvents;
  body_kept: boolean;
}

export interface Line {
  name: string;
  counts: number[];
}

export interface FunnelStep {
  key: string;
  of: string | null;
  users: number;
}

export interface Payers {
  key: string;
  users: number;
  without_paywall: number;
}

export interface Conversion {
  value: string;
  users: number;
  transaction: number;
  trial: number;
  paying: number;
}

export interface Breakdown {
  by: "paywall" | "platform" | "segment" | "sku";
  rows: Conversion[];
}

export interface Money {
  currency: string;
  sandbox: boolean;
  week: number | null;
  payments: number;
  paid: string;
  refunds: number;
  refunded: string;
  unpriced: number;
}

export interface Subscriptions {
  since: number | null;
  until: number | null;
  bucket: number;
  starts: number[];
  series: Line[];
  funnel: FunnelStep[];
  payers: Payers[];
  breakdowns: Breakdown[];
  weeks: number[];
  week: number;
  money: Money[];
  totals: Money[];
  statuses: Line[];
}

export interface Fault {
  id: string;
  name: string;
  enabled: boolean;
  hits: number;
  when: Record<string, unknown>;
  do: Record<string, unknown>;
  times: number | null;
}

export interface Preset {
  title: string;
  rule: object;
}

export interface Faults {
  rules: Fault[];
  presets: Preset[];
}

export interface Decision {
  passed: boolean;
  what: string;
}

export interface Source {
  path: string;
  value: string;
}

export interface ExplainedField {
  name: string;
  value: string;
  sources: Source[];
  how: "copied" | "renamed" | "derived" | "known" | "setting";
  note: string | null;
}

export interface Reject {
  reason: string;
  field: string;
  detail: string;
  found: Source[];
  advice: string;
  at: string | null;
}

/** Only `available` and `error` are there when there is nothing more to say. */
export interface Explanation {
  available: boolean;
  error?: string;
  input: string;
  line: number;
  stream: string;
  outcome: string;
  reason: string;
  advice: string;
  event_type: string | null;
  earlier: Reject | null;
  reject: Reject | null;
  notes: string[];
  shape: { kind: string; forms: string[] } | null;
  filter: Decision[];
  identity: { why: string[] } | null;
  freshness: string[];
  checks: Decision[];
  fields: ExplainedField[];
  event: string | null;
  record?: string | null;
  command?: string;
}
