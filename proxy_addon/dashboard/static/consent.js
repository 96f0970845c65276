// The consent page: who is there, what they said, and switches that speak for them.
import { $, ask, facts, gathered, listen, make, moment, path, plural } from './common.js';

const { vendors: NAMES } = facts();
const nameOf = (vendor) => (NAMES[vendor] || { name: vendor }).name;

let visitors = new Map(), sites = {};
// The visitor that was picked; until one is, the latest is shown.
let picked = new URLSearchParams(location.search).get('visitor') || '';
const added = new Set();

const latest = () => [...visitors.values()].sort((a, b) => b.last - a.last);
const current = () => visitors.get(picked) || latest()[0];

// ---- What is shown
const show = gathered(() => {
  const all = latest(), visitor = current();
  $('none').hidden = all.length > 0;
  $('visitors').hidden = !visitor;
  if (!visitor) return;
  showList(all, visitor);
  showVisitor(visitor);
});

const buttons = new Map();
function showList(all, visitor) {
  const shown = all.slice(0, 50);
  for (const [name, button] of buttons) if (!shown.some((each) => each.visitor === name)) { button.parentNode.remove(); buttons.delete(name); }
  // Who comes new stands first, and keeps its place from then on, so that nothing moves under a finger.
  for (const each of [...shown].sort((a, b) => a.first - b.first)) {
    let button = buttons.get(each.visitor);
    if (!button) {
      button = make('button', { type: 'button' });
      button.addEventListener('click', () => { picked = each.visitor; added.clear(); show(); });
      buttons.set(each.visitor, button);
      $('list').prepend(make('li', {}, button));
    }
    const words = [each.browser, each.site, each.pages ? `${plural(each.pages, 'page')} listening` : 'no page listening'];
    const text = words.join('\n');
    if (button.dataset.text !== text) {
      button.dataset.text = text;
      button.replaceChildren(make('span', {}, words[0]), make('small', { class: 'name' }, words[1]), make('small', {}, words[2]));
    }
    button.setAttribute('aria-pressed', String(each === visitor));
  }
}

let underway = 0;
function showVisitor(visitor) {
  $('who').textContent = `${visitor.browser} on ${visitor.site}`;
  const open = visitor.pages > 0;
  $('open').replaceChildren(open ? `${plural(visitor.pages, 'page')} of it ${visitor.pages === 1 ? 'listens' : 'listen'}: what is set here takes effect there at once.`
    : visitor.mode === 'observe' ? 'Only observed: its pages carry no script of ours that could set anything.'
      : 'No page of it is open now. Open one, and the switches work.');
  for (const button of document.querySelectorAll('[data-preset]')) {
    button.disabled = !open;
    button.setAttribute('aria-pressed', String(isPreset(button.dataset.preset, visitor)));
  }
  for (const fieldset of document.querySelectorAll('[data-category]')) {
    const said = visitor.categories[fieldset.dataset.category];
    const value = said === undefined ? 'unset' : said ? 'granted' : 'denied';
    for (const input of fieldset.querySelectorAll('input')) {
      if (!underway) input.checked = input.value === value;
      input.disabled = !open;
    }
  }
  if (!underway) $('gpc').checked = visitor.pretends || visitor.gpc;
  // What the browser itself sends cannot be taken from it.
  $('gpc').disabled = visitor.gpc && !visitor.pretends;
  showChoices(visitor, open);
  showRead(visitor);
}

function isPreset(name, { categories, vendors }) {
  const said = Object.keys(categories).length;
  if (name === 'nothing') return !said && !Object.keys(vendors).length;
  if (name === 'site' || said < 3 || Object.keys(vendors).length) return false;
  const granted = Object.keys(categories).filter((each) => categories[each]);
  return name === 'accept' ? granted.length === 3 : name === 'reject' ? !granted.length : granted.length === 1 && name === `only-${granted[0]}`;
}

const selects = new Map();
function showChoices(visitor, open) {
  const seen = sites[visitor.site] || {};
  const wanted = [...new Set([...Object.keys(seen), ...Object.keys(visitor.vendors), ...added])].filter((vendor) => NAMES[vendor]).sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
  for (const [vendor, entry] of selects) if (!wanted.includes(vendor)) { entry.item.remove(); selects.delete(vendor); }
  wanted.forEach((vendor, index) => {
    let entry = selects.get(vendor);
    if (!entry) {
      const select = make('select', { id: `vendor-${vendor}` }, make('option', { value: 'unset' }, 'As its category'), make('option', { value: 'denied' }, 'Denied'), make('option', { value: 'granted' }, 'Granted'));
      const small = make('small');
      select.addEventListener('change', () => set({ vendor, value: VALUES[select.value] }));
      entry = { item: make('li', {}, make('label', { for: select.id }, nameOf(vendor), small), select), select, small };
      selects.set(vendor, entry);
    }
    const count = seen[vendor];
    const words = `${NAMES[vendor].category}${count ? ` · ${count.held} held, ${count.ran} ran` : ''}`;
    if (entry.small.textContent !== words) entry.small.textContent = words;
    const said = visitor.vendors[vendor];
    if (!underway) entry.select.value = said === undefined ? 'unset' : said ? 'granted' : 'denied';
    entry.select.disabled = !open;
    if ($('vendors').children[index] !== entry.item) $('vendors').insertBefore(entry.item, $('vendors').children[index] || null);
  });
  $('more').disabled = !open;
  const rest = Object.keys(NAMES).filter((vendor) => !wanted.includes(vendor)).sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
  if ($('more').options.length !== rest.length + 1) $('more').replaceChildren(make('option', { value: '' }, 'Choose…'), ...rest.map((vendor) => make('option', { value: vendor }, nameOf(vendor))));
}

function showRead(visitor) {
  const facts = [
    ['It says', visitor.words],
    ['Read from', visitor.signal === 'none' ? 'nothing: no signal was found' : visitor.signal],
    ['Note', visitor.note],
    ['Law', visitor.regime],
    ['Mode', visitor.mode],
    ['Latest page', visitor.page || 'none yet'],
    ['Known as', visitor.visitor],
  ];
  const text = JSON.stringify([facts, visitor.history]);
  if ($('read').dataset.text === text) return;
  $('read').dataset.text = text;
  $('read').replaceChildren(...facts.map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', { class: name === 'Latest page' ? 'url' : null }, value))));
  $('history').replaceChildren(...[...visitor.history].reverse().map((each) => make('li', {}, moment(each.time), make('span', {}, `${each.words} (${each.signal})`))));
}

// ---- What is set
const VALUES = { unset: null, denied: false, granted: true };
/** News may come later than an answer that is newer. */
function take(visitor) {
  const known = visitors.get(visitor.visitor);
  if (!known || known.changes < visitor.changes) visitors.set(visitor.visitor, visitor);
}
let timer = 0;
function say(words, bad) {
  $('said').textContent = words;
  $('said').toggleAttribute('data-bad', Boolean(bad));
  clearTimeout(timer);
  timer = setTimeout(() => { $('said').textContent = ''; }, 6000);
}
async function set(order) {
  const visitor = current();
  if (!visitor) return;
  // Until it is answered the switches stay as they were left.
  underway += 1;
  try {
    const { pages, visitor: now } = await ask('/api/consent', { visitor: visitor.visitor, ...order });
    if (now) take(now);
    say(pages ? `Set on ${plural(pages, 'open page')}.` : 'Set; it counts from the next request on.');
  } catch (error) {
    say(error.message, true);
  }
  underway -= 1;
  show();
}
for (const button of document.querySelectorAll('[data-preset]')) button.addEventListener('click', () => set({ preset: button.dataset.preset }));
for (const fieldset of document.querySelectorAll('[data-category]')) fieldset.addEventListener('change', (event) => set({ category: fieldset.dataset.category, value: VALUES[event.target.value] }));
$('gpc').addEventListener('change', () => set({ preset: $('gpc').checked ? 'gpc-on' : 'gpc-off' }));
$('more').addEventListener('change', () => {
  const vendor = $('more').value;
  if (!vendor) return;
  added.add(vendor);
  showVisitor(current());
  $(`vendor-${vendor}`).focus();
});

listen(
  (whole) => {
    visitors = new Map(whole.visitors.map((each) => [each.visitor, each]));
    sites = whole.sites;
    show();
  },
  (what, value) => {
    if (what === 'visitor') take(value);
    if (what === 'row' && value.vendor) {
      const vendors = sites[value.site] || (sites[value.site] = {});
      const count = vendors[value.vendor] || (vendors[value.vendor] = { held: 0, ran: 0, leaked: 0, other: 0 });
      count[value.kind] += 1;
    }
    show();
  },
);
