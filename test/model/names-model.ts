// The two stores and everything that can happen to them, step by step: an account with a flow of its names, the directory with two
// rows, a recovery, a deletion, a second change, a sign-in, another account, the clock. Calls to the directory get through, fail, lose
// their response or come late; the object stops at any step. What is decided is decided by src/domain/name-flow.ts.
import {
  cancel,
  decideStart,
  decideStep,
  FENCE_MS,
  type Flow,
  mayAdopt,
  mayForget,
  toNameHoldMs,
} from '../../src/domain/name-flow.ts';

/** What the code decides by. The tests switch rules off one by one. */
export interface Rules {
  mayAdopt: typeof mayAdopt;
  mayForget: typeof mayForget;
  decideStart: typeof decideStart;
  /** What a recovery leaves of a pending flow. */
  recover: (flow: PendingFlow) => PendingFlow | undefined;
  /** How long a released name stays reserved. */
  holdMs: number;
  /** How long an undo waits for a write that may still come. */
  fenceMs: number;
  /** What a deletion keeps of the flow that it ends. */
  inheritFence: (flow: PendingFlow | undefined) => number;
  /** Whether the intent is stored before the directory is asked. */
  storesFirst: boolean;
  /** Whether another account may have a name whose holder, as it was seen before, is gone. */
  isAbandoned: (row: Row) => boolean;
}

const TTL_SECONDS = 600;

export const RULES: Rules = {
  mayAdopt,
  mayForget,
  decideStart,
  recover: (flow) => ({ ...flow, phase: cancel(flow) }),
  holdMs: toNameHoldMs(TTL_SECONDS),
  fenceMs: FENCE_MS,
  inheritFence: (flow) => flow?.fenceMs ?? 0,
  storesFirst: true,
  isAbandoned: ({ state }) => state !== 'released',
};

type Name = 1 | 2;
export interface PendingFlow extends Flow {
  takes: Name[];
  former: Name | 0;
  untilMs: number;
  /** Whether a recovery has taken it back before it was adopted. */
  isRevoked?: boolean;
}

interface Row {
  by: 'A' | 'B';
  state: 'reserving' | 'active' | 'released';
  untilMs: number;
}

type Op =
  | { op: 'reserve'; name: Name }
  | { op: 'look' }
  | { op: 'activate'; names: Name[]; former: Name | 0; untilMs: number }
  | { op: 'undo'; names: Name[] }
  | { op: 'release'; names: Name[]; untilMs: number };

export interface State {
  nowMs: number;
  rows: Record<Name, Row | 0>;
  /** Names that the account uses; none once it is erased. */
  own: Name[];
  isErased: boolean;
  flow: PendingFlow | 0;
  /** What runs in the object: the flow that it carries on, its call under way, and the fence from before that. */
  running: { flowId: string; call: Op; fenceMs: number } | 0;
  /** Writes that nobody waits for any more, and until when they can take effect. */
  late: { call: Op; untilMs: number }[];
  /** When the last token with each name runs out. */
  tokens: Record<Name, number>;
  /** How many flows were begun; each has an id of its own. */
  flows: number;
  /** The name that B wants and has seen A hold. It asks next whether A exists. */
  seen: Name | 0;
}

/** An account that uses name 1, and a registration that wants both. */
export const STARTS: Record<'account' | 'registration', State> = {
  account: {
    ...{ nowMs: 0, isErased: false, flow: 0, running: 0, late: [], tokens: { 1: 0, 2: 0 }, flows: 0 },
    seen: 0,
    ...{ own: [1], rows: { 1: { by: 'A', state: 'active', untilMs: 0 }, 2: 0 } },
  },
  registration: {
    ...{ nowMs: 0, isErased: false, running: 0, late: [], tokens: { 1: 0, 2: 0 }, flows: 1 },
    seen: 0,
    ...{ own: [1, 2], rows: { 1: 0, 2: 0 } },
    flow: { id: '1', kind: 'register', phase: 'reserving', fenceMs: 0, takes: [1, 2], former: 0, untilMs: 0 },
  },
};

/** Every step that can be taken in a state, by what it is. */
export function* steps(state: State, rules: Rules): Generator<[string, State]> {
  yield* stepsOfCalls(state, rules);
  yield* stepsOfOwner(state, rules);
  const { rows, nowMs } = state;
  for (const name of [1, 2] as const)
    if (isFree(rows[name], nowMs))
      yield [`B takes ${name}`, { ...state, rows: { ...rows, [name]: HELD_BY_B } }];
  yield* stepsOfHolder(state, rules);
  for (const [title, ms] of [
    ['a minute passes', FENCE_MS],
    ['an hour passes', 3_600_000],
  ] as const)
    if (state.running === 0) yield [title, pass(state, ms)];
}

const HELD_BY_B: Row = { by: 'B', state: 'active', untilMs: 0 };

/** Another account that finds a name taken, asks whether its holder exists, and asks the directory once more when it does not. */
function* stepsOfHolder(state: State, rules: Rules): Generator<[string, State]> {
  const { rows, seen, isErased, flow, nowMs } = state;
  if (seen === 0) {
    for (const name of [1, 2] as const)
      if (holds(rows[name])) yield [`B sees A hold ${name}`, { ...state, seen: name }];
  } else if (isErased && flow === 0) {
    const row = rows[seen];
    const isTaken = isFree(row, nowMs) || (row !== 0 && row.by === 'A' && rules.isAbandoned(row));
    yield [
      `B asks again for ${seen}, whose holder is gone`,
      { ...state, seen: 0, rows: isTaken ? { ...rows, [seen]: HELD_BY_B } : rows },
    ];
  }
}

function* stepsOfCalls(state: State, rules: Rules): Generator<[string, State]> {
  const { running, late } = state;
  if (running !== 0) {
    const { call } = running;
    const title = 'name' in call ? `${call.op} ${call.name}` : call.op;
    yield [`${title} is done`, resume(apply(state, call), rules, call)];
    yield [`${title} fails`, { ...state, running: 0 }];
    yield [`${title} is done, its response is lost`, { ...apply(state, call), running: 0 }];
    if (call.op !== 'look')
      yield [
        `${title} comes late`,
        { ...state, running: 0, late: [...late, { call, untilMs: state.nowMs + FENCE_MS }] },
      ];
  }
  for (const [index, { call }] of late.entries())
    yield [`a late ${call.op} is done`, { ...apply(state, call), late: late.toSpliced(index, 1) }];
}

function* stepsOfOwner(state: State, rules: Rules): Generator<[string, State]> {
  const { flow, own, running } = state;
  const isRegistering = flow !== 0 && flow.kind === 'register' && flow.phase !== 'adopted';
  const isOpen = !state.isErased && own.length > 0 && (flow === 0 || flow.kind !== 'delete');
  if (running === 0 && flow !== 0) {
    if (isRegistering && flow.phase === 'reserving')
      yield ['the registration goes on', ask(state, rules, { op: 'reserve', name: 1 })];
    const next = settle(state, rules);
    if (next !== undefined) yield ['the alarm settles', next];
  }
  if (!isOpen || isRegistering) return;
  const name = own[0] as Name;
  if (own.length === 1 && running === 0) {
    const wanted: Name = name === 1 ? 2 : 1;
    const begun = begin(state, rules, wanted, name);
    if (begun !== undefined) yield [`a change to ${wanted} begins`, begun];
  }
  if (flow !== 0) {
    const left = rules.recover(flow);
    const isRevoked = flow.phase === 'reserving' || flow.isRevoked === true;
    yield ['a recovery', { ...state, flow: left === undefined ? 0 : { ...left, isRevoked } }];
  }
  if (running === 0) yield ['a deletion begins', remove(state, rules)];
  const expMs = state.nowMs + TTL_SECONDS * 1000;
  const tokens = { ...state.tokens };
  for (const each of own) tokens[each] = expMs;
  yield ['a token is issued', { ...state, tokens }];
}

function begin(state: State, rules: Rules, wanted: Name, former: Name): State | undefined {
  const pending = state.flow === 0 ? undefined : state.flow;
  const start = rules.decideStart(pending, (other) => other.takes[0] === wanted && other.kind === 'rename');
  const call = { op: 'reserve', name: wanted } as const;
  if (start === 'settle_first') return undefined;
  if (start === 'resume') return ask(state, rules, call);
  const id = String(state.flows + 1);
  const flow: PendingFlow = {
    id,
    kind: 'rename',
    phase: 'reserving',
    fenceMs: 0,
    takes: [wanted],
    former,
    untilMs: 0,
  };
  if (!rules.storesFirst)
    return { ...state, flows: state.flows + 1, running: { flowId: id, call, fenceMs: 0 }, flow: 0 };
  return ask({ ...state, flows: state.flows + 1, flow }, rules, call);
}

function remove(state: State, rules: Rules): State {
  const pending = state.flow === 0 ? undefined : state.flow;
  const others =
    pending === undefined ? [] : [...pending.takes, ...(pending.former === 0 ? [] : [pending.former])];
  const flow: PendingFlow = {
    ...{ id: String(state.flows + 1), kind: 'delete', phase: 'releasing', former: 0 },
    ...{ takes: [...new Set([...state.own, ...others])], untilMs: state.nowMs + rules.holdMs },
    fenceMs: rules.inheritFence(pending),
  };
  const next = { ...state, flows: state.flows + 1, flow };
  return settle(next, rules) ?? next;
}

/** What `FlowRunner.settle` does next; `undefined` when it waits. */
function settle(state: State, rules: Rules): State | undefined {
  const { flow } = state;
  if (flow === 0) return undefined;
  const step = decideStep(flow, state.nowMs);
  switch (step.do) {
    case 'wait':
      return undefined;
    case 'cancel':
      return { ...state, flow: { ...flow, phase: cancel(flow) } };
    case 'look':
      return { ...state, running: { flowId: flow.id, call: { op: 'look' }, fenceMs: flow.fenceMs } };
    case 'finish':
      return ask(state, rules, {
        op: 'activate',
        names: flow.takes,
        former: flow.former,
        untilMs: flow.untilMs,
      });
    case 'undo':
      return ask(state, rules, { op: 'undo', names: flow.takes });
    case 'release':
      return ask(state, rules, { op: 'release', names: flow.takes, untilMs: flow.untilMs });
  }
}

function ask(state: State, rules: Rules, call: Op): State {
  if (state.flow === 0) return state;
  const { id: flowId, fenceMs } = state.flow;
  return {
    ...state,
    flow: { ...state.flow, fenceMs: state.nowMs + rules.fenceMs },
    running: { flowId, call, fenceMs },
  };
}

/** The response has arrived: what the object does in the same turn. */
function resume(state: State, rules: Rules, call: Op): State {
  const { running } = state;
  if (running === 0) return state;
  const flow = state.flow === 0 ? 0 : { ...state.flow, fenceMs: running.fenceMs };
  const next: State = { ...state, flow, running: 0 };
  if (call.op === 'reserve') return afterReserve(next, rules, call.name, running.flowId);
  if (flow === 0) return next;
  if (call.op === 'look') {
    const isHeld = flow.takes.every((name) => holds(state.rows[name]));
    return {
      ...next,
      flow: { ...flow, phase: isHeld ? 'adopted' : 'releasing' },
      own: isHeld ? next.own : [],
    };
  }
  const isOver = rules.mayForget(flow, state.nowMs);
  const leavesNothing = call.op === 'release' || (call.op === 'undo' && flow.kind === 'register');
  if (leavesNothing) return { ...next, own: [], isErased: isOver, flow: isOver ? 0 : flow };
  return isOver ? { ...next, flow: 0 } : next;
}

function afterReserve(state: State, rules: Rules, name: Name, flowId: string): State {
  const pending = state.flow === 0 ? undefined : state.flow;
  const isReserved = holds(state.rows[name]);
  if (pending?.kind === 'register') {
    if (!isReserved) return { ...state, own: [], flow: { ...pending, phase: 'releasing' } };
    if (name === 1) return ask(state, rules, { op: 'reserve', name: 2 });
    return { ...state, flow: { ...pending, phase: 'adopted' } };
  }
  if (isReserved && rules.mayAdopt(pending, flowId) && !state.isErased) {
    const former = state.own[0] as Name;
    const untilMs = state.nowMs + rules.holdMs;
    const adopted: PendingFlow = {
      id: flowId,
      kind: 'rename',
      phase: 'adopted',
      fenceMs: pending?.fenceMs ?? 0,
      takes: [name],
      former,
      untilMs,
      isRevoked: pending?.isRevoked ?? false,
    };
    return { ...state, own: [name], flow: adopted };
  }
  if (pending === undefined) return state;
  const phase = cancel(pending);
  const given: State = { ...state, flow: { ...pending, phase } };
  return !isReserved && rules.mayForget(pending, state.nowMs) ? { ...given, flow: 0 } : given;
}

/** The directory, as the statements of src/directory/directory.ts have it. */
function apply(state: State, call: Op): State {
  const rows = { ...state.rows };
  const release = (name: Name, untilMs: number) => {
    rows[name] = { by: 'A', state: 'released', untilMs };
  };
  if (call.op === 'reserve') {
    const row = rows[call.name];
    if (isFree(row, state.nowMs)) rows[call.name] = { by: 'A', state: 'reserving', untilMs: 0 };
    else if (row !== 0 && row.by === 'A' && row.state === 'released')
      rows[call.name] = { ...row, state: 'reserving' };
  }
  if (call.op === 'activate') {
    for (const name of call.names)
      if (holds(rows[name])) rows[name] = { by: 'A', state: 'active', untilMs: 0 };
    const row = call.former === 0 ? 0 : rows[call.former];
    if (call.former !== 0 && row !== 0 && row.by === 'A' && row.state === 'active')
      release(call.former, call.untilMs);
  }
  if (call.op === 'undo')
    for (const name of call.names) {
      const row = rows[name];
      if (row === 0 || row.by !== 'A' || row.state !== 'reserving') continue;
      if (row.untilMs === 0) rows[name] = 0;
      else release(name, row.untilMs);
    }
  if (call.op === 'release')
    for (const name of call.names) {
      const row = rows[name];
      if (row !== 0 && row.by === 'A') release(name, Math.max(row.untilMs, call.untilMs));
    }
  return { ...state, rows };
}

function holds(row: Row | 0): boolean {
  return row !== 0 && row.by === 'A' && row.state !== 'released';
}

function isFree(row: Row | 0, nowMs: number): boolean {
  return row === 0 || (row.state === 'released' && row.untilMs <= nowMs);
}

/** Times are kept relative, and what is past is 0, so that states which differ in nothing else are one. */
function pass(state: State, ms: number): State {
  const sooner = (atMs: number) => Math.max(0, atMs - ms);
  const pastRow = (row: Row | 0): Row | 0 => {
    if (row === 0 || row.by === 'B') return row;
    // Free, and no row at all, are the same to everybody.
    if (row.state === 'released' && row.untilMs <= ms) return 0;
    return { ...row, untilMs: sooner(row.untilMs) };
  };
  const { flow, rows, tokens, late } = state;
  return {
    ...state,
    rows: { 1: pastRow(rows[1]), 2: pastRow(rows[2]) },
    tokens: { 1: sooner(tokens[1]), 2: sooner(tokens[2]) },
    late: late
      .map((write) => ({ ...write, untilMs: write.untilMs - ms }))
      .filter(({ untilMs }) => untilMs > 0),
    flow: flow === 0 ? 0 : { ...flow, fenceMs: sooner(flow.fenceMs), untilMs: sooner(flow.untilMs) },
  };
}

/** What must never be. */
export function findFault(state: State): string | undefined {
  const { rows, own, tokens, flow, running, late } = state;
  const isRegistering = flow !== 0 && flow.kind === 'register' && flow.phase !== 'adopted';
  for (const name of [1, 2] as const) {
    const row = rows[name];
    if (row !== 0 && row.by === 'B' && tokens[name] > 0)
      return 'a valid token carries a name of another account';
    if (
      row !== 0 &&
      row.by === 'B' &&
      own.includes(name) &&
      !isRegistering &&
      (flow === 0 || flow.kind !== 'delete')
    )
      return 'an account uses a name of another one';
  }
  if (flow !== 0 && flow.phase === 'adopted' && flow.isRevoked)
    return 'a change is made that a recovery took back';
  if (flow !== 0 || running !== 0 || late.length > 0) return undefined;
  for (const name of [1, 2] as const) {
    const row = rows[name];
    if (own.includes(name)) {
      if (row === 0 || row.by !== 'A' || row.state !== 'active')
        return 'an account cannot be reached by its name';
    } else if (holds(row)) return 'a name is held for ever, and nobody uses it';
  }
  return undefined;
}

/** Goes through every state up to a depth, and returns the first fault of each kind with the steps that lead to it. */
export function explore(
  start: State,
  rules: Rules,
  depth: number,
): { states: number; faults: Map<string, string[]> } {
  interface Node {
    state: State;
    title: string;
    from: Node | undefined;
  }
  const faults = new Map<string, string[]>();
  const seen = new Set([keyOf(start)]);
  let level: Node[] = [{ state: start, title: 'start', from: undefined }];
  for (let at = 0; at < depth && level.length > 0; at += 1) {
    const next: Node[] = [];
    for (const node of level) {
      for (const [title, state] of steps(node.state, rules)) {
        const key = keyOf(state);
        if (seen.has(key)) continue;
        seen.add(key);
        const reached: Node = { state, title, from: node };
        const fault = findFault(state);
        if (fault === undefined) next.push(reached);
        else if (!faults.has(fault)) faults.set(fault, pathOf(reached));
      }
    }
    level = next;
  }
  return { states: seen.size, faults };

  function pathOf(node: Node): string[] {
    return node.from === undefined ? [] : [...pathOf(node.from), node.title];
  }
}

/** The ids of flows matter only by being the same or not. */
function keyOf(state: State): string {
  const { flow, running } = state;
  const isOwn = running !== 0 && flow !== 0 && running.flowId === flow.id;
  return JSON.stringify(
    [
      { ...state, flows: 0, flow: flow === 0 ? 0 : { ...flow, id: '' } },
      running === 0 ? 0 : { ...running, flowId: isOwn },
    ],
    (key, value) => (key === 'running' ? undefined : value),
  );
}
