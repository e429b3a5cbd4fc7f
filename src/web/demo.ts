// The demo page, and the example of how to use the client: everything that this page knows comes from it.
import { type ClientState, createClient, LatchkeyError, type SessionInfo } from '../client/index.ts';

const client = createClient({ baseUrl: './' });

const status = find('#status');
const form = find<HTMLFormElement>('#account-form');
/** Which session the list on the page belongs to: another one is another person, or another sign-in. */
let listedSid: string | undefined;

client.subscribe(show);
setInterval(showCountdown, 1000);
// A reload forgets the access token. The cookie brings the next one, without a password.
void attempt(() => client.restore());

// A tab that wakes: its list is old, and its token may be too.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible' && client.state.status === 'signed_in')
    void attempt(listSessions);
});
form.addEventListener('submit', (event) => {
  event.preventDefault();
  const { username = '', email = '', password = '' } = readFields();
  const action = event.submitter?.getAttribute('value');
  void attempt(async () => {
    if (action === 'register') await client.register({ username, email, password });
    else await client.login({ username, password });
    form.reset();
    if (client.state.status === 'signed_out')
      say('Your account is made. Confirm your address with the link in your mail, then sign in.');
  });
});
onClick('#refresh', async () => {
  await client.getAccessToken({ refresh: true });
  if (client.state.status === 'signed_in') say(`${describe(client.state)} Refreshed.`);
});
onClick('#sign-out', () => client.logout());
onClick('#end-others', async () => {
  await client.sessions.endOthers();
  await listSessions();
  say(`${describe(client.state)} All other sessions have ended.`);
});

function show(state: ClientState): void {
  find('#signed-out').hidden = state.status !== 'signed_out';
  find('#signed-in').hidden = state.status !== 'signed_in';
  say(describe(state));
  showCountdown();
  if (state.status !== 'signed_in') {
    listedSid = undefined;
    find('#claims').replaceChildren();
    find('#sessions').replaceChildren();
    return;
  }
  find('#claims').replaceChildren(
    ...Object.entries(state.claims).flatMap(([name, value]) => [
      element('dt', name),
      element('dd', typeof value === 'string' ? value : JSON.stringify(value)),
    ]),
  );
  if (listedSid !== state.claims.sid) {
    listedSid = state.claims.sid;
    void attempt(listSessions);
  }
}

const REASONS = {
  no_session: 'Nobody is signed in.',
  session_ended:
    'Your session has ended: it expired, or it was ended from another place. Please sign in again.',
  signed_out: 'You have signed out.',
};

function describe(state: ClientState): string {
  if (state.status === 'signed_out') return REASONS[state.reason];
  const who = state.status === 'signed_in' ? `Signed in as ${state.claims.username}.` : 'One moment …';
  return state.isRetrying ? `${who} The service cannot be reached just now; trying again.` : who;
}

function showCountdown(): void {
  const { state } = client;
  if (state.status !== 'signed_in') return;
  const seconds = Math.max(0, Math.round((state.expiresAtMs - Date.now()) / 1000));
  find('#countdown').textContent =
    `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} minutes`;
}

async function listSessions(): Promise<void> {
  const sessions = await client.sessions.list();
  find('#sessions').replaceChildren(...sessions.map(toListItem));
}

function toListItem(session: SessionInfo): HTMLElement {
  const place = [session.ip, session.country].filter(Boolean).join(', ');
  const text = element('p', `${session.userAgent ?? 'Unknown device'} (${place || 'unknown place'})`);
  const used = element('p', `Last used ${new Date(session.lastUsedAt).toLocaleString()}`);
  const about = element('div');
  about.append(text, used);
  if (session.current) about.append(element('strong', 'This session'));
  const button = element('button', 'End session');
  button.setAttribute('type', 'button');
  button.addEventListener('click', () =>
    attempt(async () => {
      await client.sessions.end(session.id);
      if (session.current) return;
      await listSessions();
      say(`${describe(client.state)} That session has ended.`);
    }),
  );
  const item = element('li');
  item.append(about, button);
  return item;
}

/** Says what went wrong, in words; the page stays as it is. */
async function attempt(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    say(error instanceof LatchkeyError ? explain(error) : 'That did not work. Please try again.');
  }
}

function explain({ code, message, errors, retryAfterSeconds, isTemporary }: LatchkeyError): string {
  if (code === 'too_many_attempts')
    return `Too many attempts. Please try again in ${retryAfterSeconds ?? 60} seconds.`;
  if (isTemporary) return 'The service cannot be reached. Please try again in a moment.';
  return errors.length > 0
    ? errors.map((error) => `The ${error.field} ${error.message}.`).join(' ')
    : `${message}.`;
}

function say(text: string): void {
  // Only a change, so that a screen reader does not say the same again.
  if (status.textContent !== text) status.textContent = text;
}

function readFields(): Record<string, string> {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
}

function onClick(selector: string, work: () => Promise<unknown>): void {
  find(selector).addEventListener('click', () => attempt(work));
}

function element(name: string, text = ''): HTMLElement {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function find<T extends HTMLElement = HTMLElement>(selector: string): T {
  const found = document.querySelector<T>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}
