// What the pages of the dashboard share. Everything from traffic goes into the page as text, never as markup.

export const $ = (id) => document.getElementById(id);
export const facts = () => JSON.parse($('facts').textContent);

/** An element: make('li', {class: 'x'}, 'text', child, …). Attributes that are null or false are left out. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null && value !== false) element.setAttribute(key, value === true ? '' : value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** The same in SVG. */
export function draw(name, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const clockFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });
/** A moment, in seconds since the epoch, by the clock; with its day if that is not today. */
export function clock(seconds) {
  const moment = new Date(seconds * 1000);
  return (moment.toDateString() === new Date().toDateString() ? clockFormat : dayFormat).format(moment);
}
export const moment = (seconds) => make('time', { datetime: new Date(seconds * 1000).toISOString() }, clock(seconds));

/** A span of seconds: '0.35 s', '12 s', '3 min'. */
export function span(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 100) / 100} s`;
  if (seconds < 90) return `${Math.round(seconds * 10) / 10} s`;
  return `${Math.round(seconds / 60)} min`;
}
export const plural = (count, word) => `${count} ${word}${count === 1 ? '' : 's'}`;

/** The path of an address, which is what tells pages of one site apart. */
export function path(address) {
  try {
    const url = new URL(address);
    return url.pathname + url.search;
  } catch (error) {
    return address;
  }
}

/** Ask the API; an error has words for people. */
export async function ask(address, body) {
  const given = body === undefined ? {} : {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-consentry-csrf': document.querySelector('meta[name=csrf]').content },
    body: JSON.stringify(body),
  };
  let answer;
  try {
    answer = await fetch(address, given);
  } catch (error) {
    throw new Error('Consentry does not answer; is it still running?');
  }
  if (answer.status === 401) location.href = '/login';
  const isJson = (answer.headers.get('content-type') || '').includes('json');
  const said = isJson ? await answer.json() : { error: await answer.text() };
  if (!answer.ok) throw new Error(said.error || `${answer.status}`);
  return said;
}

/** Listen: `picture` gets everything, `news` each [what, value] after it, and `ledger` what is wrong with that. */
export function listen(picture, news, ledger = () => {}) {
  const state = $('state'), words = $('state-words');
  const show = (value, text) => { state.dataset.state = value; words.textContent = text; };
  const source = new EventSource('/api/events');
  source.addEventListener('picture', (event) => { show('open', 'Live'); picture(JSON.parse(event.data)); });
  source.addEventListener('news', (event) => { for (const [what, value] of JSON.parse(event.data)) news(what, value); });
  source.addEventListener('ledger', (event) => ledger(JSON.parse(event.data)));
  source.addEventListener('error', () => {
    show('lost', source.readyState === EventSource.CLOSED ? 'Not connected; load this page anew' : 'Connecting again…');
  });
}

/** Run a function once for all calls until the next frame. */
export function gathered(step) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    // A hidden tab has no frames, and should be right when it is looked at.
    (document.hidden ? setTimeout : requestAnimationFrame)(() => { waiting = false; step(); });
  };
}
