// The live page: a row a vendor, the timeline of a page load, and every request behind them.
import { $, ask, clock, draw, facts, gathered, listen, make, moment, path, plural, span } from './common.js';

const { vendors: NAMES, kinds: KINDS } = facts();
const SHOWN = ['held', 'ran', 'leaked'];
const MOST_LOADS = 60, MOST_TROUBLES = 50;
// Of a vendor's requests so many stand in the page at once, however far back somebody reads.
const MOST_REQUESTS = 500;
const nameOf = (vendor) => (NAMES[vendor] || { name: vendor }).name;
const categoryOf = (vendor) => (NAMES[vendor] || { category: '' }).category;

let sites = {}, loads = [], rows = new Map(), troubles = [];
// What is open: vendor → {next, list}.
const opened = new Map();
const lines = new Map();
const fresh = new Set();

const chosen = () => ({
  site: $('site').value,
  scope: $('scope').value,
  category: $('category').value,
  text: $('search').value.trim().toLowerCase(),
  kinds: new Set([...document.querySelectorAll('[name=kind]:checked')].map((each) => each.value)),
});

// ---- What is counted
const nothing = () => ({ held: 0, ran: 0, leaked: 0, other: 0, first: 0, last: 0 });
function add(count, kind, time) {
  count[kind] += 1;
  count.first = count.first ? Math.min(count.first, time) : time;
  count.last = Math.max(count.last, time);
}

/** The load that the timeline shows, if there is any. */
function currentLoad({ site, scope }) {
  const mine = loads.filter((load) => !site || load.site === site);
  return mine.find((load) => String(load.number) === scope) || mine[mine.length - 1];
}

/** Counts by vendor, of all time or of one page load. */
function counted(wanted) {
  const counts = new Map();
  if (wanted.scope === 'all') {
    for (const [site, vendors] of Object.entries(sites)) {
      if (wanted.site && site !== wanted.site) continue;
      for (const [vendor, each] of Object.entries(vendors)) {
        const count = counts.get(vendor) || nothing();
        for (const kind of KINDS) count[kind] += each[kind];
        count.first = count.first ? Math.min(count.first, each.first) : each.first;
        count.last = Math.max(count.last, each.last);
        counts.set(vendor, count);
      }
    }
    return counts;
  }
  const load = currentLoad(wanted);
  for (const row of (load && rows.get(load.number)) || []) {
    if (!row.vendor) continue;
    if (!counts.has(row.vendor)) counts.set(row.vendor, nothing());
    add(counts.get(row.vendor), row.kind, row.time);
  }
  return counts;
}

function fits(vendor, count, { category, text, kinds }) {
  return (!category || categoryOf(vendor) === category) && (!text || `${nameOf(vendor)} ${vendor}`.toLowerCase().includes(text))
    && (kinds.size === SHOWN.length || [...kinds].some((kind) => count[kind] > 0));
}

// ---- The table
const show = gathered(() => {
  const wanted = chosen(), counts = counted(wanted);
  const vendors = [...counts.keys()].filter((vendor) => fits(vendor, counts.get(vendor), wanted)).sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
  showSums(vendors, counts);
  const body = $('rows');
  for (const [vendor, line] of lines) if (!vendors.includes(vendor)) { line.row.remove(); line.detail.remove(); lines.delete(vendor); opened.delete(vendor); }
  let before = null;
  for (const vendor of vendors) {
    const line = lines.get(vendor) || newLine(vendor);
    fill(line, vendor, counts.get(vendor));
    const next = before ? before.nextSibling : body.firstChild;
    if (line.row !== next) body.insertBefore(line.row, next);
    if (line.row.nextSibling !== line.detail) line.row.after(line.detail);
    before = line.detail;
  }
  fresh.clear();
  $('none').hidden = vendors.length > 0;
  $('none').textContent = counts.size ? 'No vendor fits these filters.' : Object.keys(sites).length || loads.length
    ? 'No vendor was seen here yet.' : 'Nothing yet. Open a page of the site through Consentry, and it appears here.';
  showTimeline(wanted);
});

function newLine(vendor) {
  const called = make('span', { class: 'called' }, nameOf(vendor));
  const button = make('button', { type: 'button', class: 'more', 'aria-expanded': 'false' }, make('span', {}, called, make('span', { class: 'under' }, make('br'), categoryOf(vendor))));
  const cells = Object.fromEntries(SHOWN.map((kind) => [kind, make('td', { class: 'count', 'data-kind': kind })]));
  const first = make('td', { class: 'roomy when' }), last = make('td', { class: 'roomy when' });
  const row = make('tr', { class: 'vendor' }, make('th', { scope: 'row' }, button), make('td', { class: 'roomy' }, categoryOf(vendor)), ...Object.values(cells), first, last);
  const place = make('td', { colspan: '7' });
  const detail = make('tr', { class: 'detail' }, place);
  detail.hidden = true;
  button.addEventListener('click', () => (opened.has(vendor) ? close(vendor) : open(vendor)));
  const line = { row, detail, button, cells, first, last, place };
  lines.set(vendor, line);
  return line;
}

function fill(line, vendor, count) {
  for (const kind of SHOWN) {
    const text = String(count[kind]), cell = line.cells[kind];
    if (cell.textContent === text) continue;
    cell.textContent = text;
    cell.toggleAttribute('data-zero', count[kind] === 0);
  }
  for (const [cell, time] of [[line.first, count.first], [line.last, count.last]]) if (cell.dataset.time !== String(time)) { cell.dataset.time = time; cell.replaceChildren(moment(time)); }
  if (fresh.has(vendor)) {
    line.row.classList.remove('fresh');
    // The browser starts the animation again only for a change that it has seen.
    void line.row.offsetWidth;
    line.row.classList.add('fresh');
    if (opened.has(vendor)) reopen(vendor);
  }
}

let said = '';
function showSums(vendors, counts) {
  const sums = nothing();
  for (const vendor of vendors) for (const kind of SHOWN) sums[kind] += counts.get(vendor)[kind];
  $('sum-vendors').textContent = vendors.length;
  for (const kind of SHOWN) $(`sum-${kind}`).textContent = sums[kind];
  const words = `${plural(vendors.length, 'vendor')}: ${sums.held} held, ${sums.ran} ran, ${sums.leaked} leaked`;
  // Screen readers are told at their own pace, not with each row.
  if (words !== said) { said = words; clearTimeout(showSums.timer); showSums.timer = setTimeout(() => { $('spoken').textContent = words; }, 1500); }
}

// ---- The requests behind a row
function request(row) {
  const kindWords = row.kind === 'other' ? row.outcome : row.kind;
  return make('li', { 'data-kind': row.kind },
    make('span', { class: 'what' }, make('b', {}, kindWords), moment(row.time), row.type ? make('span', {}, row.type) : null, row.vendor ? make('span', {}, `needs ${row.categories.join(' and ') || 'nothing'}`) : null),
    make('span', { class: 'url' }, row.url),
    row.page ? make('small', {}, `on ${row.page}`) : null,
    make('span', { class: 'why' }, row.words || row.reason));
}

function address(vendor, before = '') {
  const wanted = chosen(), load = wanted.scope === 'all' ? null : currentLoad(wanted);
  return '/api/rows?' + new URLSearchParams({ vendor, site: wanted.site, load: load ? load.number : '', before });
}

async function open(vendor) {
  const line = lines.get(vendor), list = make('ul', { class: 'requests', 'aria-label': `Requests of ${nameOf(vendor)}, newest first` });
  opened.set(vendor, { list, paged: false });
  line.button.setAttribute('aria-expanded', 'true');
  line.detail.hidden = false;
  line.place.replaceChildren(list);
  await fillDetail(vendor);
}

async function fillDetail(vendor, before = '') {
  const state = opened.get(vendor), line = lines.get(vendor);
  if (!state || !line) return;
  // Of several questions under way the latest counts.
  const asked = state.asked = {};
  try {
    let found = await ask(address(vendor, before));
    // The ledger looks at so many rows at a time, among which there may be none of this site.
    while (before && !found.rows.length && found.next && state.asked === asked) found = await ask(address(vendor, found.next));
    if (opened.get(vendor) !== state || state.asked !== asked) return;
    const items = found.rows.map(request);
    if (before) state.list.append(...items); else state.list.replaceChildren(...items);
    while (state.list.children.length > MOST_REQUESTS) state.list.firstChild.remove();
    if (!before && !items.length) state.list.append(make('li', { 'data-kind': 'other' }, 'No request is remembered.'));
    const older = make('button', { type: 'button' }, 'Older requests');
    older.addEventListener('click', () => { state.paged = true; fillDetail(vendor, found.next); });
    const newest = make('button', { type: 'button' }, 'Newest requests');
    newest.addEventListener('click', () => { state.paged = false; fillDetail(vendor); });
    const about = make('a', { class: 'button', href: `/vendors/${encodeURIComponent(vendor)}` }, `About ${nameOf(vendor)}`);
    line.place.replaceChildren(state.list, make('p', { class: 'buttons' }, found.next ? older : null, state.paged ? newest : null, about));
  } catch (error) {
    line.place.replaceChildren(make('p', { class: 'error' }, error.message));
  }
}

function close(vendor) {
  const line = lines.get(vendor);
  opened.delete(vendor);
  line.button.setAttribute('aria-expanded', 'false');
  line.detail.hidden = true;
}

const waiting = new Map();
/** Fetch the list anew, once for all rows that come together; who reads older ones is left in peace. */
function reopen(vendor) {
  if (waiting.has(vendor) || opened.get(vendor).paged) return;
  waiting.set(vendor, setTimeout(() => { waiting.delete(vendor); if (opened.has(vendor) && !opened.get(vendor).paged) fillDetail(vendor); }, 400));
}

// ---- The timeline
const LANE = 24, TOP = 44, BOTTOM = 24, DOT = 5;
// A silence longer than the one is drawn as long as the other.
const LONGEST_GAP = 3, DRAWN_GAP = 1.2;

/** A function from a moment to its place between 0 and 1, and the silences that were cut short. */
function scaled(times) {
  const sorted = [...new Set(times)].sort((a, b) => a - b), at = new Map(), cuts = [];
  let place = 0, last = sorted[0];
  for (const time of sorted) {
    const gap = time - last, kept = gap > LONGEST_GAP ? DRAWN_GAP : gap;
    if (gap > LONGEST_GAP) cuts.push({ from: place, to: place + kept, gap });
    place += kept;
    at.set(time, place);
    last = time;
  }
  const whole = Math.max(place, 0.5);
  return { place: (time) => at.get(time) / whole, cuts: cuts.map((cut) => ({ ...cut, from: cut.from / whole, to: cut.to / whole })) };
}

/** What a consent amounts to. */
function brief(words) {
  const granted = [], denied = [], parts = words.split(', ');
  for (const part of parts) {
    const [name, answer] = part.split(' ');
    if (['functional', 'analytics', 'marketing'].includes(name) && !part.includes('default')) (answer === 'granted' ? granted : answer === 'denied' ? denied : []).push(name);
  }
  const gpc = parts.includes('GPC') ? ' + GPC' : '';
  if (granted.length === 3) return 'all granted' + gpc;
  if (denied.length === 3) return 'all denied' + gpc;
  if (!granted.length && !denied.length) return gpc ? 'GPC' : 'nothing said';
  return (granted.length ? `${granted.join(', ')} granted` : `${denied.join(', ')} denied`) + gpc;
}

function showTimeline(wanted) {
  const load = currentLoad(wanted), picture = $('timeline-picture');
  if (!load) {
    picture.toggleAttribute('hidden', true);
    $('timeline-words').textContent = 'No page has been loaded through Consentry yet.';
    return;
  }
  const all = rows.get(load.number);
  if (!all) { fetchLoad(load.number); return; }
  const shown = all.filter((row) => row.vendor && wanted.kinds.has(row.kind) && fits(row.vendor, { held: 1, ran: 1, leaked: 1 }, { ...wanted, kinds: new Set(SHOWN) }));
  const vendors = [...new Set(shown.map((row) => row.vendor))];
  const count = (kind) => shown.filter((row) => row.kind === kind).length;
  const changes = load.choices.map((choice) => `${brief(choice.words)} after ${span(Math.max(0, choice.time - load.started))}`);
  $('timeline-words').replaceChildren(make('strong', { class: 'url' }, path(load.page)), ` at ${clock(load.started)}, ${load.regime}, ${load.mode === 'observe' ? 'only observed; ' : ''}at first ${brief(load.consent)}: `
    + `${plural(vendors.length, 'vendor')}, ${count('held')} held, ${count('ran')} ran, ${count('leaked')} leaked` + (changes.length ? `; then ${changes.join(', ')}.` : '.')
    + (load.left_out ? ` ${plural(load.left_out, 'further row')} left out.` : ''));
  picture.toggleAttribute('hidden', !shown.length && !load.choices.length);
  if (picture.hasAttribute('hidden')) return;

  const width = Math.max(260, picture.parentNode.clientWidth), narrow = width < 560;
  const left = narrow ? 10 : 168, right = width - 14, laneHeight = narrow ? 34 : LANE;
  const height = TOP + vendors.length * laneHeight + BOTTOM;
  const { place, cuts } = scaled([load.started, ...shown.map((row) => row.time), ...load.choices.map((choice) => choice.time)]);
  const x = (time) => left + DOT + place(time) * (right - left - 2 * DOT);
  const across = (share) => left + DOT + share * (right - left - 2 * DOT);
  const parts = [];
  vendors.forEach((vendor, index) => {
    const y = TOP + index * laneHeight + laneHeight - (narrow ? 10 : 12);
    parts.push(draw('line', { class: 'lane', x1: left, x2: right, y1: y, y2: y }));
    parts.push(draw('text', { class: 'lane-name', x: narrow ? left : left - 10, y: narrow ? y - 10 : y + 4, 'text-anchor': narrow ? 'start' : 'end' }, shortened(nameOf(vendor), narrow ? 44 : 24)));
  });
  for (const cut of cuts) {
    const middle = (across(cut.from) + across(cut.to)) / 2;
    parts.push(draw('line', { class: 'gap', x1: middle, x2: middle, y1: TOP - 4, y2: height - BOTTOM + 4 }));
    parts.push(draw('text', { class: 'axis', x: middle, y: height - 6, 'text-anchor': 'middle' }, `${span(cut.gap)} later`));
  }
  parts.push(draw('text', { class: 'axis', x: left, y: height - 6 }, 'loaded'));
  load.choices.forEach((choice, index) => {
    const place = x(choice.time), y = 14 + (index % 2) * 15, late = place > width / 2;
    parts.push(draw('line', { class: 'consent-line', x1: place, x2: place, y1: y + 4, y2: height - BOTTOM + 4 }));
    parts.push(draw('text', { class: 'consent-words', x: late ? place + 4 : place - 4, y, 'text-anchor': late ? 'end' : 'start' }, brief(choice.words)));
  });
  for (const row of shown) {
    const y = TOP + vendors.indexOf(row.vendor) * laneHeight + laneHeight - (narrow ? 10 : 12), at = x(row.time);
    const mark = row.kind === 'held' ? draw('rect', { x: at - 4, y: y - 4, width: 8, height: 8 }) : row.kind === 'ran' ? draw('circle', { cx: at, cy: y, r: DOT })
      : draw('path', { d: `M${at} ${y - 6}l6 11h-12z` });
    mark.setAttribute('class', 'mark');
    mark.setAttribute('data-kind', row.kind);
    mark.append(draw('title', {}, `${nameOf(row.vendor)}, ${row.kind} after ${span(Math.max(0, row.time - load.started))}: ${row.url}`));
    parts.push(mark);
  }
  picture.setAttribute('viewBox', `0 0 ${width} ${height}`);
  picture.setAttribute('height', height);
  picture.replaceChildren(...parts);
}
const shortened = (text, most) => (text.length > most ? text.slice(0, most - 1) + '…' : text);

const fetching = new Set();
async function fetchLoad(number) {
  if (fetching.has(number)) return;
  fetching.add(number);
  try {
    const load = await ask(`/api/load/${number}`);
    rows.set(number, load.rows);
  } catch (error) {
    rows.set(number, []);
  }
  fetching.delete(number);
  show();
}

// ---- The choices above
function showChoices() {
  const site = $('site'), known = Object.keys(sites).sort();
  keep(site, [['', 'All sites'], ...known.map((name) => [name, name])]);
  const mine = loads.filter((load) => !site.value || load.site === site.value).slice(-20).reverse();
  keep($('scope'), [['all', 'Since Consentry started'], ['follow', 'The latest page load'], ...mine.map((load) => [String(load.number), `${clock(load.started)} ${shortened(path(load.page), 48)}`])]);
}
function keep(select, options) {
  const before = [...select.options].map((each) => each.value + each.text).join('\n');
  if (before === options.map(([value, text]) => value + text).join('\n')) return;
  const value = select.value;
  select.replaceChildren(...options.map(([each, text]) => make('option', { value: each }, text)));
  select.value = options.some(([each]) => each === value) ? value : options[0][0];
}

function showTroubles() {
  $('troubles').hidden = !troubles.length;
  $('trouble-rows').replaceChildren(...troubles.slice(0, 20).map(request));
}

/** What is wrong with the ledger, if anything is. */
function showLedger({ title, what, remedy, lasts }) {
  if (title && $('ledger').hidden) $('spoken').textContent = `${title}. ${what} ${remedy}`;
  $('ledger').hidden = !title;
  $('ledger').dataset.lasts = Boolean(lasts);
  for (const [part, text] of Object.entries({ title, what, remedy })) $(`ledger-${part}`).textContent = text || '';
}

// ---- What comes in
function picture(whole) {
  showLedger(whole.ledger);
  sites = whole.sites;
  loads = whole.loads;
  rows = new Map(loads.slice(-1).map((load) => [load.number, whole.latest]));
  troubles = whole.troubles;
  showChoices();
  showTroubles();
  show();
}

function news(what, value) {
  if (what === 'row') {
    if (value.vendor) {
      const vendors = sites[value.site] || (sites[value.site] = {});
      add(vendors[value.vendor] || (vendors[value.vendor] = nothing()), value.kind, value.time);
      fresh.add(value.vendor);
      const load = rows.get(value.load);
      if (load && load.length < 600) load.push(value);
    }
    if (value.kind === 'other') {
      troubles = [value, ...troubles].slice(0, MOST_TROUBLES);
      showTroubles();
    }
    if (!document.querySelector(`#site option[value="${CSS.escape(value.site)}"]`)) showChoices();
  } else if (what === 'load') {
    const index = loads.findIndex((load) => load.number === value.number);
    if (index >= 0) loads[index] = value;
    else {
      loads = [...loads, value].slice(-MOST_LOADS);
      rows.set(value.number, []);
      for (const number of rows.keys()) if (!loads.some((load) => load.number === number)) rows.delete(number);
    }
    if (!sites[value.site]) sites[value.site] = {};
    showChoices();
  }
  show();
}

const asked = new URLSearchParams(location.search).get('vendor');
if (asked && NAMES[asked]) $('search').value = nameOf(asked);
$('filters').addEventListener('input', () => { showChoices(); for (const [vendor, state] of [...opened]) { state.paged = false; fillDetail(vendor); } show(); });
$('filters').addEventListener('submit', (event) => event.preventDefault());
new ResizeObserver(show).observe($('timeline'));
listen(picture, news, showLedger);
