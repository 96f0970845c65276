// The badge: a small corner panel in the proxied page with the dashboard's counts and switches. live.js imports it and
// hands it `page`; CATEGORIES ([[id, title]]) and VENDORS ({id: [name, category]}) are filled in by assets.py.
const CSS = `
:host{all:initial!important;display:contents!important}
.all{--back:#fff;--text:#171b24;--soft:#4b5364;--line:#d5d9e2;--edge:#7b8496;--accent:#2f4b8f;--on:#fff;--tint:#e8edf9;position:fixed;z-index:2147483646;font:15px/1.4 system-ui,sans-serif;color:var(--text);color-scheme:light dark;max-width:calc(100vw - 16px)}
@media (prefers-color-scheme:dark){.all{--back:#1b2029;--text:#edf0f6;--soft:#b2bacb;--line:#343c4b;--edge:#8b95a9;--accent:#a9c1ff;--on:#10151f;--tint:#26314d}}
.all[data-corner="0"]{right:8px;bottom:8px}
.all[data-corner="1"]{left:8px;bottom:8px}
.all[data-corner="2"]{left:8px;top:8px}
.all[data-corner="3"]{right:8px;top:8px}
*{box-sizing:border-box;margin:0;padding:0}
[hidden]{display:none!important}
button,select{font:inherit;color:inherit;min-height:36px;padding:3px 10px;border:1px solid var(--edge);border-radius:6px;background:var(--back);cursor:pointer}
button:hover{background:var(--tint)}
button[aria-pressed=true]{background:var(--accent);border-color:var(--accent);color:var(--on);font-weight:600}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.open{display:flex;align-items:center;gap:8px;border-radius:20px;box-shadow:0 2px 10px #0004;font-weight:600;float:right}
.open svg{width:16px;height:16px;flex:none}
.panel{background:var(--back);border:1px solid var(--edge);border-radius:10px;box-shadow:0 4px 24px #0005;width:330px;max-width:100%;max-height:min(560px,calc(100vh - 16px));overflow:auto;padding:12px;display:grid;gap:10px}
.panel:focus{outline:0}
.bar{display:flex;align-items:center;gap:6px}
h2{font-size:16px;flex:1}
h3{font-size:14px}
.bar button{min-height:32px}
p{color:var(--soft);font-size:13px;overflow-wrap:anywhere}
.presets{display:grid;grid-template-columns:repeat(3,1fr);gap:6px}
.presets button{padding:3px 4px;font-size:13.5px}
.row{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:8px;align-items:center;border-top:1px solid var(--line);padding:5px 0}
.row label{font-weight:600;overflow-wrap:anywhere}
.row small{display:block;font-weight:400;font-size:12px;color:var(--soft)}
select{width:124px;padding:3px 6px}
input{width:20px;height:20px;accent-color:var(--accent)}
@media print{.all{display:none}}
`;
const CORNERS = 4, EVERY = 1000;
const CHOSEN = { unset: undefined, denied: false, granted: true };

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Show the badge of a page: {get, on, choose(categories, vendors), forget(), gpc(on), counts() → promise}. */
export function show(page) {
  const categories = CATEGORIES.filter(([name]) => name !== 'necessary');
  const number = make('span', {});
  const shield = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  for (const [key, value] of [['viewBox', '0 0 24 24'], ['aria-hidden', 'true']]) shield.setAttribute(key, value);
  const outline = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  outline.setAttribute('d', 'M12 1.5 3 5v6.2c0 5.2 3.7 9.4 9 11.3 5.3-1.9 9-6.1 9-11.3V5z');
  outline.setAttribute('fill', 'currentColor');
  shield.append(outline);
  const opener = make('button', { type: 'button', class: 'open', 'aria-expanded': 'false' }, shield, number);
  const words = make('p', { role: 'status' });
  const corner = make('button', { type: 'button' }, 'Move');
  const closer = make('button', { type: 'button' }, 'Close');
  const presets = make('div', { class: 'presets', role: 'group', 'aria-label': 'Let the visitor say' });
  const switches = make('div', {}), list = make('div', {});
  const panel = make('div', { class: 'panel', role: 'dialog', 'aria-label': 'Consentry', tabindex: '-1' },
    make('div', { class: 'bar' }, make('h2', {}, 'Consentry'), corner, closer), words, presets, switches, make('h3', {}, 'Vendors on this page'), list);
  panel.hidden = true;
  const all = make('div', { class: 'all', lang: 'en', 'data-corner': '0' }, opener, panel);

  const host = document.createElement('consentry-badge');
  const root = host.attachShadow({ mode: 'closed' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  root.adoptedStyleSheets = [sheet];
  root.append(all);

  // ---- What can be said
  const choice = (id, unset, changed) => {
    const select = make('select', { id }, ...[['unset', unset], ['denied', 'Denied'], ['granted', 'Granted']].map(([value, words]) => make('option', { value }, words)));
    select.addEventListener('change', () => changed(CHOSEN[select.value]));
    return select;
  };
  const having = (said, name, value) => {
    const next = { ...said };
    delete next[name];
    return value === undefined ? next : { ...next, [name]: value };
  };
  // Answers for vendors are taken over from our own cookie only: a standard's string may hold hundreds.
  const exceptions = (said) => (said.signal === 'cookie consentry' ? said.vendors : {});
  const everything = (value) => Object.fromEntries(categories.map(([name]) => [name, value]));
  const buttons = [
    ['Nothing yet', () => page.forget(), (said) => !Object.keys(said.categories).length && !Object.keys(said.vendors).length],
    ['Reject all', () => page.choose(everything(false), {}), (said) => categories.every(([name]) => said.categories[name] === false) && !Object.keys(said.vendors).length],
    ['Accept all', () => page.choose(everything(true), {}), (said) => categories.every(([name]) => said.categories[name] === true) && !Object.keys(said.vendors).length],
  ].map(([name, act, fits]) => {
    const button = make('button', { type: 'button' }, name);
    button.addEventListener('click', act);
    presets.append(button);
    return [button, fits];
  });
  const selects = categories.map(([name, title]) => {
    const select = choice('category-' + name, 'Unset', (value) => { const said = page.get(); page.choose(having(said.categories, name, value), exceptions(said)); });
    switches.append(make('div', { class: 'row' }, make('label', { for: select.id }, title), select));
    return [name, select];
  });
  const gpc = make('input', { type: 'checkbox', id: 'gpc' });
  gpc.addEventListener('change', () => { page.gpc(gpc.checked).then(showConsent, showConsent); });
  switches.append(make('div', { class: 'row' }, make('label', { for: 'gpc' }, 'Global Privacy Control'), gpc));

  // ---- What is shown
  const lines = new Map();
  function showConsent() {
    const said = page.get();
    for (const [button, fits] of buttons) button.setAttribute('aria-pressed', String(fits(said)));
    for (const [name, select] of selects) select.value = wordOf(said.categories[name]);
    for (const [vendor, line] of lines) line.select.value = wordOf(said.vendors[vendor]);
    gpc.checked = said.gpc;
  }
  const sumOf = ({ held, ran, leaked }) => `${held} held, ${ran} ran` + (leaked ? `, ${leaked} leaked` : '');
  const wordOf = (value) => (value === undefined ? 'unset' : value ? 'granted' : 'denied');
  function showCounts(counts) {
    const vendors = Object.keys(counts).filter((vendor) => VENDORS[vendor]).sort((a, b) => VENDORS[a][0].localeCompare(VENDORS[b][0]));
    let held = 0, ran = 0, leaked = 0;
    for (const vendor of vendors) {
      const count = counts[vendor], [name, category] = VENDORS[vendor];
      held += count.held; ran += count.ran; leaked += count.leaked;
      let line = lines.get(vendor);
      if (!line) {
        const small = make('small', {}), select = choice('vendor-' + vendor, 'As category', (value) => { const said = page.get(); page.choose(said.categories, having(exceptions(said), vendor, value)); });
        line = { small, select };
        lines.set(vendor, line);
        list.append(make('div', { class: 'row' }, make('label', { for: select.id }, name, small), select));
        select.value = wordOf(page.get().vendors[vendor]);
      }
      const text = `${category}: ${sumOf(count)}`;
      if (line.small.textContent !== text) line.small.textContent = text;
    }
    const sum = sumOf({ held, ran, leaked });
    if (number.textContent !== sum) {
      number.textContent = sum;
      words.textContent = `On this page: ${vendors.length} vendors, ${sum}.`;
    }
  }

  // While the page is looked at; a page in the background need not be right.
  let timer = 0;
  function look() {
    clearTimeout(timer);
    if (document.hidden || !host.isConnected) return;
    page.counts().then((answer) => { if (answer) showCounts(answer.vendors); }, () => {}).then(() => { clearTimeout(timer); timer = setTimeout(look, EVERY); });
  }
  document.addEventListener('visibilitychange', look);

  // ---- Open, close, out of the way
  function toggle(open) {
    panel.hidden = !open;
    opener.hidden = open;
    opener.setAttribute('aria-expanded', String(open));
    if (open) { showConsent(); panel.focus({ preventScroll: true }); } else opener.focus({ preventScroll: true });
  }
  opener.addEventListener('click', () => toggle(true));
  closer.addEventListener('click', () => toggle(false));
  panel.addEventListener('keydown', (event) => { if (event.key === 'Escape') toggle(false); });
  corner.addEventListener('click', () => { all.dataset.corner = (Number(all.dataset.corner) + 1) % CORNERS; });
  // Nothing that is done in the badge is the page's business.
  for (const name of ['click', 'keydown', 'keyup', 'input', 'change']) host.addEventListener(name, (event) => event.stopPropagation());
  page.on('change', () => { showConsent(); look(); });

  // A site that draws its whole body anew must not lose the badge; one that fights for it may have its way.
  let again = 0;
  const keeper = new MutationObserver(() => { if (!host.isConnected && again++ < 20) { attach(); look(); } });
  function attach() {
    (document.body || document.documentElement).append(host);
    keeper.disconnect();
    for (const node of [document.documentElement, document.body]) if (node) keeper.observe(node, { childList: true });
  }
  attach();
  number.textContent = '…';
  showConsent();
  look();
}
