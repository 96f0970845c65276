// The button by which a filter pauses: ten minutes more with each press, and one press to hold again.
import { $, ask, clock } from './common.js';

const button = $('pause');
let until = 0, timer = 0;

function show(said) {
  until = said.until;
  clearTimeout(timer);
  const left = until * 1000 - Date.now();
  if (left > 0) timer = setTimeout(() => show({ until: 0 }), left);
  button.textContent = left > 0 ? `Paused until ${clock(until)}: hold again` : 'Pause for 10 minutes';
  button.setAttribute('aria-pressed', String(left > 0));
  button.hidden = false;
}

button.addEventListener('click', async () => {
  button.disabled = true;
  try {
    show(await ask('/api/pause', { seconds: until * 1000 > Date.now() ? 0 : 600 }));
  } catch (error) {
    button.textContent = error.message;
  }
  button.disabled = false;
});
// Another window, or the command, may have changed it meanwhile.
const refresh = () => ask('/api/pause').then(show, () => {});
document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
refresh();
