// Completes what a mailed link is for. The token comes in the fragment, which no server sees, and leaves the address bar
// and the session history at once; it stays in this script's memory, until the page is left. Nothing happens before a
// click: mail scanners open links.
const status = document.querySelector('#status');
const password = document.querySelector('#password');
const START = status.textContent;

/** By the name in the fragment. A Map, since a name such as `constructor` must find nothing. */
const actions = new Map([
  [
    'verify-email',
    {
      form: document.querySelector('#confirm'),
      prompt: 'Confirm that this address is yours.',
      send: (token) => post('email/verify', { token }),
      done: 'Your e-mail address is confirmed. You can close this page.',
      over: 'This link has been used or has expired. If your address is not confirmed yet, sign in and ask for another mail.',
    },
  ],
  [
    'reset-password',
    {
      form: document.querySelector('#reset'),
      prompt: 'Choose a new password.',
      send: (token) => post('password/reset', { token, newPassword: password.value }),
      done: 'Your new password is set, and you are signed out everywhere. You can sign in now.',
      over: 'This link has been used or has expired. If you have just set a new password, sign in with it. Otherwise go to where you sign in, and ask for another link there.',
    },
  ],
]);

/** The newest link: its action and token. What is learnt of an older one is not shown any more. */
let current;

openLink();
// A second link that is opened in the same tab changes the fragment only, and loads nothing.
addEventListener('hashchange', openLink);
// Whoever comes back to the page later, from its history, finds no form that still works.
addEventListener('pagehide', forgetLink);
for (const action of actions.values())
  action.form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (current?.action === action) void complete(current);
  });

function openLink() {
  if (location.hash === '') return;
  const [name, token] = location.hash.slice(1).split('=');
  const page = new URL(location.href);
  page.hash = '';
  page.search = '';
  history.replaceState(null, '', page);
  forgetLink();
  const action = actions.get(name);
  if (!action || !token) {
    status.textContent =
      'This link is not complete. Copy the whole link from your mail into the address bar.';
    return;
  }
  current = { action, token };
  action.form.hidden = false;
  status.textContent = action.prompt;
}

function forgetLink() {
  current = undefined;
  password.value = '';
  status.textContent = START;
  for (const { form } of actions.values()) {
    form.hidden = true;
    form.querySelector('button').disabled = false;
  }
}

async function complete(link) {
  const { form, send } = link.action;
  const button = form.querySelector('button');
  button.disabled = true;
  status.textContent = 'One moment …';
  const outcome = await send(link.token);
  if (current !== link) return;
  const { isOver, message } = describe(outcome, link.action);
  if (isOver) forgetLink();
  button.disabled = false;
  status.textContent = message;
}

/** Relative paths: the service may be mounted below another path. */
async function post(path, body) {
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(15_000),
    });
    // A page with status 200 is not the service's: a network that wants a sign-in of its own.
    if (response.status === 204) return { isDone: true };
    const problem = await response.json();
    const isOurs = problem?.type === `urn:latchkey:error:${problem?.code}`;
    return {
      isDone: false,
      problem: isOurs ? problem : undefined,
      wait: response.headers.get('Retry-After'),
    };
  } catch {
    return { isDone: false };
  }
}

/** What happened and what to do next. A link that is over stays over; everything else may be tried again. */
function describe({ isDone, problem, wait }, { done, over }) {
  if (isDone) return { isOver: true, message: done };
  const field = problem?.errors?.[0];
  switch (problem?.code) {
    case 'invalid_link':
      return { isOver: true, message: over };
    case 'email_taken':
      return {
        isOver: true,
        message:
          'This address belongs to another account by now. Your account keeps its old address. To change it, sign in and enter another one.',
      };
    case 'invalid_input':
      if (field)
        return { isOver: false, message: `The password ${field.message}. Please choose another one.` };
      break;
    case 'too_many_attempts':
      return {
        isOver: false,
        message: `There were too many attempts. Please press the button again in ${wait ?? 60} seconds.`,
      };
  }
  const message = problem
    ? 'The service cannot do this just now. Please press the button again in a minute.'
    : 'The service cannot be reached. Check your connection, then press the button again.';
  return { isOver: false, message };
}
