// Matching and deciding, as catalogue/match.py and policy.py do it. Shared by the page, its workers and the
// service worker. `at` is {site, consent, law, strict}: the registrable domain, what the visitor said, what the
// regime makes of silence, and whether domain labels count.
// The table grows: what its sieves cannot rule out is asked for. `ask` takes a query and gives the rules at once, or
// null; without it, and where it gives null, what cannot be ruled out passes for one of a vendor that nobody allows.
function consentryDecide(table, at, ask) {
  'use strict';
  const own = (object, key) => (object && Object.prototype.hasOwnProperty.call(object, key) ? object[key] : undefined);
  const compiled = new Map();
  const regex = (source) => {
    let found = compiled.get(source);
    if (!found) compiled.set(source, (found = new RegExp(source, 's')));
    return found;
  };
  const globs = new Map();
  const globMatches = (pattern, name) => {
    if (!pattern.includes('*')) return pattern === name;
    let found = globs.get(pattern);
    if (!found) {
      const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
      globs.set(pattern, (found = new RegExp('^' + parts.join('.*') + '$', 's')));
    }
    return found.test(name);
  };

  // ---- What may be in the catalogue: see browser/sieve.py.
  const UNKNOWN = 'unknown';
  const known = {};
  for (const kind of ['vendors', 'domains', 'labels', 'stems', 'grams', 'cookies', 'storage']) known[kind] = Object.assign(Object.create(null), table[kind]);
  const sieves = {};
  function crc(text) {
    const bytes = /[^\0-\x7f]/.test(text) ? String.fromCharCode(...new TextEncoder().encode(text)) : text;
    let sum = -1;
    for (let index = 0; index < bytes.length; index++) {
      sum ^= bytes.charCodeAt(index);
      for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
    }
    return ~sum >>> 0;
  }
  function may(kind, name) {
    const packed = table.sieves[kind];
    if (!packed || packed === 1 || name.length > 300) return packed === 1;
    const [count, size, bits, text] = packed;
    if (!sieves[kind]) {
      const data = atob(text), hashes = (sieves[kind] = new Set());
      let place = 0, value = -1;
      const next = () => (data.charCodeAt(place >> 3) >> (7 - (place++ & 7))) & 1;
      while (hashes.size < count) {
        let steps = 0, rest = 0;
        while (next()) steps++;
        for (let bit = 0; bit < bits; bit++) rest = rest * 2 + next();
        hashes.add((value += steps * 2 ** bits + rest + 1));
      }
    }
    return sieves[kind].has(crc(name) % size);
  }

  // ---- What was asked, as 'kind name', and what is open still.
  const asked = new Set();
  const suffixes = (host) => host.split('.').map((_, index, all) => all.slice(index).join('.'));
  const beginnings = (name) => [name, ...Array.from(name.slice(0, 257), (_, index) => name.slice(0, index) + '*'), ...(name.length < 257 ? [name + '*'] : [])];
  const missing = (kind, key) => may(kind, key) && !(key in known[kind]);
  const OPEN = {
    // What is of one first label on any host counts only on hosts that no vendor has as a whole.
    host: (host) => suffixes(host).some((each) => may('domains', each) && !(each in known.domains && known.domains[each][3])) || may('labels', host.split('.')[0]),
    stem: (stem) => missing('stems', stem),
    gram: (gram) => missing('grams', gram),
    cookie: (name) => beginnings(name).some((key) => missing('cookies', key)),
    key: (name) => beginnings(name).some((key) => missing('storage', key)),
    vendor: (id) => !(own(known.vendors, id) || [])[2],
  };
  const open = (kind, names, force) => names.filter((name) => name && !asked.has(kind + ' ' + name) && (force || OPEN[kind](name))).map((name) => [kind, name]);
  function learn(answer, wanted) {
    for (const kind of Object.keys(known)) for (const [key, rules] of Object.entries(answer[kind] || {})) {
      if (kind !== 'vendors' || rules[2] || !(key in known.vendors)) known[kind][key] = rules;
    }
    if (asked.size > 20000) asked.clear();
    for (const [kind, name] of wanted) asked.add(kind + ' ' + name);
  }
  const query = (wanted) => wanted.map(([kind, name]) => '&' + kind + '=' + encodeURIComponent(String(name).slice(0, 256))).join('');
  // Whether all is known now that can be said of these.
  function sure(kind, names, force) {
    let wanted = open(kind, names, force);
    while (wanted.length) {
      const some = wanted.slice(0, 250), answer = ask ? ask(query(some), some) : null;
      if (!answer) return false;
      learn(answer, some);
      wanted = wanted.slice(250);
    }
    return true;
  }

  function rulesFor(host) {
    const rules = [...((own(known.domains, host) || [])[0] || [])];
    let whole = 0;
    for (const suffix of suffixes(host)) {
      const found = own(known.domains, suffix);
      if (found) rules.push(...found[1]);
      if (found && (whole = found[2])) break;
    }
    if (!whole) rules.push(...(own(known.labels, host.split('.')[0]) || []));
    return { rules, whole };
  }

  const accepts = (rule, path, query, attributes) =>
    (!rule[0] || regex(rule[0]).test(path)) && (!rule[1] || regex(rule[1]).test(query)) &&
    (!rule[2] || attributes.includes(rule[2]));
  const foreign = (vendor) => !at.site || !own(known.vendors, vendor)[0].includes(at.site);

  const hosts = new Map();
  const hostOf = (url) => url.hostname.replace(/\.$/, '');
  const web = (url) => /^(https?|wss?):$/.test(url.protocol);
  const stemOf = (path) => path.slice(path.lastIndexOf('/') + 1).split('.')[0];
  function rulesOf(host, force) {
    if (force && !asked.has('host ' + host)) hosts.delete(host);
    let found = hosts.get(host);
    if (!found && sure('host', [host], force)) {
      if (hosts.size > 2000) hosts.clear();
      hosts.set(host, (found = rulesFor(host)));
    }
    return found;
  }

  // What the catalogue says of a URL object: {vendor, needs, label, exempt}, or null.
  function match(url, attributes = []) {
    if (!web(url)) return null;
    const host = hostOf(url), path = url.pathname, query = url.search.slice(1), stem = stemOf(path);
    const certain = sure('stem', [stem]), anywhere = own(known.stems, stem);
    // Where a rule for any host may count, it matters what else is known of this one, even what is never held.
    const rules = certain && rulesOf(host, !!anywhere);
    if (!rules) return { vendor: UNKNOWN, needs: 7, label: 0, exempt: false };
    const rule = rules.rules.find((each) => accepts(each, path, query, attributes)), found = rule ? rule[3] : rules.whole;
    if (found) return { vendor: found[0], needs: found[1], label: found[2], part: found[3], exempt: !!(rule && rule[4]) || !foreign(found[0]) };
    const any = (anywhere || []).find((each) => accepts(each, path, query, attributes));
    return any ? { vendor: any[3][0], needs: any[3][1], label: any[3][2], part: any[3][3], exempt: !!any[4] } : null;
  }
  // What a request is to a router that may run: {router, part (as in the table), stranger: whether only its shape says
  // so, url, method}, or null.
  function way(url, method) {
    const found = at.routing ? match(url) : null;
    const made = (router, part, stranger) => ({ router, part, stranger, url, method });
    // Answers are asked for with GET, and events sent with anything else.
    const asks = method === 'GET', fits = found && (asks ? found.part < 3 : found.part === 3 && method !== 'HEAD');
    if (found) return fits && !found.exempt && !holds(found.vendor, found.needs, found.label) ? made(found.vendor, found.part, false) : null;
    const shaped = at.routing && table.routers.find(([, ...paths]) => { const path = paths[asks ? 0 : 1]; return path && regex(path).test(url.pathname); });
    return shaped ? made(shaped[0], asks ? 1 : 3, true) : null;
  }

  const bit = (category) => 1 << table.categories.indexOf(category);
  const granted = (bit, vendor) => {
    const category = table.categories[Math.log2(bit)];
    if (at.consent.gpc && at.law.gpc_denies.includes(category)) return false;
    const exception = own(at.consent.vendors, vendor);
    if (exception !== undefined) return exception;
    const said = own(at.consent.categories, category);
    if ((own(at.consent.refused || {}, vendor) || []).includes(category)) return false;
    // What a platform has set without being told may deny, but is no consent.
    return said === undefined ? !!at.law.unset[category] && own(at.consent.implied || {}, category) !== false : said;
  };

  // Whether what needs these categories is held for the vendor.
  function holds(id, needs, label = 0) {
    // A router whose policy is strict needs what its destinations need.
    const more = at.routing && needs ? own(at.routing.needs || {}, id) || [] : [];
    const required = more.reduce((bits, name) => bits | bit(name), at.strict ? needs | label : needs);
    if (!required) return false;
    if (own(at.consent.vendors, id) === false) return true;
    return [1, 2, 4].some((bit) => required & bit && !granted(bit, id));
  }

  // Our own cookie and the site's plain one, as consent/cookie.py reads them.
  function readOwn(value) {
    const found = { categories: {}, vendors: {} };
    if (value.length > 4096) return found;
    let text = value;
    try { if (/%3d/i.test(value)) text = decodeURIComponent(value); } catch (error) { return found; }
    const pairs = [...new URLSearchParams(text)];
    if (!pairs.some(([key, answer]) => key === 'v' && answer === '1')) return found;
    for (const [key, answer] of pairs) {
      if (answer !== 'granted' && answer !== 'denied') continue;
      const vendor = /^vendor\.([a-z0-9]+(?:-[a-z0-9]+)*)$/.exec(key);
      const into = table.categories.includes(key) ? found.categories : vendor ? found.vendors : null;
      const name = vendor ? vendor[1] : key;
      if (into) into[name] = answer === 'granted' && into[name] !== false;
    }
    return found;
  }
  function readPlain(value) {
    const { values, tokens, separator } = at.plain;
    if (value.length > 4096) return { categories: {}, vendors: {} };
    let plain = value;
    try { plain = decodeURIComponent(value).trim(); } catch (error) { /* as it is */ }
    let granted = own(values, plain);
    if (!granted && Object.keys(tokens).length) {
      const words = plain.split(separator).map((word) => word.trim()).filter(Boolean);
      if (words.every((word) => own(tokens, word))) granted = words.map((word) => tokens[word]);
    }
    if (!granted) return { categories: {}, vendors: {} };
    return { categories: Object.fromEntries(table.categories.map((name) => [name, granted.includes(name)])), vendors: {} };
  }
  // The consent that a string of cookies ('a=1; b=2') says; of two values of one name the stricter counts.
  function read(text) {
    const cookies = {};
    for (const pair of text.split(';')) {
      const index = pair.indexOf('='), name = pair.slice(0, index).trim();
      if (index > 0) (Object.prototype.hasOwnProperty.call(cookies, name) ? cookies[name] : (cookies[name] = [])).push(pair.slice(index + 1).trim().replace(/^"(.*)"$/, '$1'));
    }
    for (const [name, reader] of [['consentry', readOwn], ...(at.plain ? [[at.plain.name, readPlain]] : [])]) {
      const merged = { categories: {}, vendors: {}, gpc: at.consent.gpc, signal: 'cookie ' + name };
      for (const each of (own(cookies, name) || []).map(reader)) for (const part of ['categories', 'vendors']) {
        for (const [key, value] of Object.entries(each[part])) merged[part][key] = value && merged[part][key] !== false;
      }
      if (Object.keys(merged.categories).length || Object.keys(merged.vendors).length) return merged;
    }
    return { categories: {}, vendors: {}, gpc: at.consent.gpc, signal: 'none' };
  }

  // The ids of the vendors that something is held for, in the order of the catalogue.
  const numbered = (records) => [...new Map(records.map((each) => [each[0], each])).values()].sort((one, other) => one[0] - other[0]);
  // Whether nothing at all is refused.
  const whole = () => [1, 2, 4].every((each) => granted(each, '')) && !Object.values(at.consent.vendors).includes(false);
  const otherwise = () => (holds(UNKNOWN, 7) ? UNKNOWN : '');
  function heldNamed(kind, records, name, fits) {
    if (!sure(kind, [name])) return otherwise();
    const found = numbered(beginnings(name).flatMap((key) => own(records, key) || [])).find(fits);
    return found ? found[kind === 'key' ? 3 : 2] : '';
  }

  return {
    UNKNOWN,
    match,
    learn,
    query,
    // What must be asked before something can be said of a URL.
    wants(url) {
      if (!web(url)) return [];
      const stem = stemOf(url.pathname);
      return [...open('stem', [stem]), ...open('host', [hostOf(url)], may('stems', stem))];
    },
    // Ask for many at once.
    prepare: sure,
    // Whether a vendor, by its id, is held for what its own category needs.
    heldVendor: (id) => (id in known.vendors || sure('vendor', [id])) && own(known.vendors, id) ? holds(id, known.vendors[id][1]) : !!otherwise(),
    named: (patterns, name) => patterns.some((pattern) => globMatches(pattern, name)),
    holds,
    way,
    bit,
    // What is granted, whoever asks.
    truth: () => Object.fromEntries(table.categories.map((name, index) => [name, granted(1 << index, '')])),
    whole,
    // Whether what needs these categories may not go to a vendor, by its id.
    refuses: (id, needs) => own(at.consent.vendors, id) === false || [1, 2, 4].some((bit) => needs & bit && !granted(bit, id)),
    read,
    // The vendor's id if a URL is held, else ''. A router's events in an address cannot be filtered.
    held(url, attributes) {
      const found = match(url, attributes);
      const all = found && at.routing && (found.part === 4 || found.part === 3 && url.search) ? 7 : 0;
      return found && !found.exempt && holds(found.vendor, found.needs | all, found.label) ? found.vendor : '';
    },
    // A hint names a host, not a request: it is held while nothing on that host may be asked for.
    heldHost(url) {
      const rules = rulesOf(hostOf(url), true);
      if (!rules) return otherwise();
      const all = [...rules.rules.filter((rule) => !rule[4]).map((rule) => rule[3]), ...(rules.whole ? [rules.whole] : [])];
      const others = all.filter((each) => foreign(each[0])), last = others[others.length - 1];
      return last && others.length === all.length && others.every((each) => holds(...each)) ? last[0] : '';
    },
    // The ids of the vendors that an inline script is held for.
    heldSnippet(code) {
      const grams = new Set();
      for (const [word] of code.matchAll(/[A-Za-z0-9_$./-]{4,}/g)) for (let index = 0; index < word.length - 3; index++) grams.add(word.slice(index, index + 4));
      if (!sure('gram', [...grams])) return otherwise();
      const near = [...(own(known.grams, '') || []), ...[...grams].flatMap((gram) => own(known.grams, gram) || [])];
      const found = numbered(near).filter(([, strings, patterns, vendor, needs]) =>
        holds(vendor, needs) && strings.every((text) => code.includes(text)) && patterns.every((text) => regex(text).test(code)));
      return [...new Set(found.map((each) => each[3]))].join(' ');
    },
    heldCookie: (name) => heldNamed('cookie', known.cookies, name, ([, pattern, vendor, needs, first]) =>
      first && globMatches(pattern, name) && foreign(vendor) && holds(vendor, needs)),
    heldStorage: (key, area) => heldNamed('key', known.storage, key, ([, pattern, where, vendor, needs]) =>
      where === area && globMatches(pattern, key) && holds(vendor, needs)),
  };
}

// The script of a worker that has its own at `address`, with the guard of workers before it.
function consentryWorker(state, home, address, module) {
  const [first, then] = [home + 'scope.js?v=' + state.version, address].map((each) => JSON.stringify(each));
  const head = 'self.__consentryState=' + JSON.stringify(JSON.stringify(state)) + ';';
  return module ? `${head}await import(${first});await import(${then});` : `${head}importScripts(${first});importScripts(${then});`;
}
