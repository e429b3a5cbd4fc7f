// Completes what a mailed link is for. The token comes in the fragment, which no server sees, and leaves the address bar
// at once. Nothing happens before a click: mail scanners open links.
const status = document.querySelector('#status');
const [action, token] = location.hash.slice(1).split('=');
history.replaceState(null, '', location.pathname);

const forms = {
  'verify-email': document.querySelector('#confirm'),
  'reset-password': document.querySelector('#reset'),
};
const form = token ? forms[action] : undefined;

if (form) {
  form.hidden = false;
  status.textContent =
    action === 'verify-email' ? 'Confirm that this address is yours.' : 'Choose a new password.';
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const button = form.querySelector('button');
    button.disabled = true;
    status.textContent = 'One moment …';
    const outcome = action === 'verify-email' ? await confirmAddress() : await setPassword();
    status.textContent = outcome.message;
    form.hidden = outcome.done;
    button.disabled = false;
  });
}

async function confirmAddress() {
  const answer = await post('email/verify', { token });
  return answer.ok ? { done: true, message: 'Your e-mail address is confirmed.' } : refused(answer);
}

async function setPassword() {
  const newPassword = document.querySelector('#password').value;
  const answer = await post('password/reset', { token, newPassword });
  const message = 'Your new password is set, and you are signed out everywhere. You can sign in now.';
  return answer.ok ? { done: true, message } : refused(answer);
}

/** Relative paths: the service may be mounted below another path. */
async function post(path, body) {
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { ok: response.ok, problem: response.ok ? undefined : await response.json() };
  } catch {
    return { ok: false, problem: undefined };
  }
}

/** A link that is over stays over; everything else may be tried again. */
function refused({ problem }) {
  if (problem?.code === 'invalid_link')
    return { done: true, message: 'This link has been used or has expired. Ask for a new one.' };
  if (problem?.code === 'email_taken')
    return { done: true, message: 'This address belongs to another account by now.' };
  const field = problem?.errors?.[0];
  if (field) return { done: false, message: `The password ${field.message}.` };
  return { done: false, message: 'That did not work. Please try again in a moment.' };
}
