// Matching and deciding, as catalogue/match.py and policy.py do it. Shared by the page, its workers and the
// service worker. `at` is {site, consent, law, strict}: the registrable domain, what the visitor said, what the
// regime makes of silence, and whether domain labels count.
function consentryDecide(table, at) {
  'use strict';
  const own = (object, key) => (Object.prototype.hasOwnProperty.call(object, key) ? object[key] : undefined);
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

  function rulesFor(host) {
    const rules = [...(own(table.exact, host) || [])];
    let whole;
    for (let suffix = host; suffix && !whole; suffix = suffix.includes('.') ? suffix.slice(suffix.indexOf('.') + 1) : '') {
      rules.push(...(own(table.suffix, suffix) || []));
      whole = own(table.whole, suffix);
    }
    if (!whole) rules.push(...(own(table.label, host.split('.')[0]) || []));
    return rules.length || whole ? { rules, whole } : null;
  }

  const accepts = (rule, path, query, attributes) =>
    (!rule[0] || regex(rule[0]).test(path)) && (!rule[1] || regex(rule[1]).test(query)) &&
    (!rule[2] || attributes.includes(rule[2]));

  const hosts = new Map();

  // What the catalogue says of a URL object: {vendor, needs, label, exempt}, or null.
  function match(url, attributes = []) {
    if (!/^(https?|wss?):$/.test(url.protocol)) return null;
    const host = url.hostname.replace(/\.$/, '');
    if (!hosts.has(host)) {
      if (hosts.size > 2000) hosts.clear();
      hosts.set(host, rulesFor(host));
    }
    const known = hosts.get(host);
    const path = url.pathname, query = url.search.slice(1);
    if (known) {
      const rule = known.rules.find((each) => accepts(each, path, query, attributes));
      const found = rule ? rule[3] : known.whole;
      if (found) {
        const foreign = !at.site || !table.vendors[found[0]][1].includes(at.site);
        return { vendor: found[0], needs: found[1], label: found[2], part: found[3], exempt: !!(rule && rule[4]) || !foreign };
      }
    }
    const stem = path.slice(path.lastIndexOf('/') + 1).split('.')[0];
    const rule = (own(table.any, stem) || []).find((each) => accepts(each, path, query, attributes));
    return rule ? { vendor: rule[3][0], needs: rule[3][1], label: rule[3][2], part: rule[3][3], exempt: false } : null;
  }
  // What a request is to a router that may run: {router, part (as in the table), stranger: whether only its shape says
  // so, url, method}, or null.
  function way(url, method) {
    const found = at.routing ? match(url) : null;
    const made = (vendor, part, stranger) => ({ router: table.vendors[vendor][0], part, stranger, url, method });
    // Answers are asked for with GET, and events sent with anything else.
    const asks = method === 'GET', fits = found && (asks ? found.part < 3 : found.part === 3 && method !== 'HEAD');
    if (found) return fits && !found.exempt && !holds(found.vendor, found.needs, found.label) ? made(found.vendor, found.part, false) : null;
    const known = at.routing && table.routers.find(([, ...paths]) => { const path = paths[asks ? 0 : 1]; return path && regex(path).test(url.pathname); });
    return known ? made(known[0], asks ? 1 : 3, true) : null;
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

  // Whether what needs these categories is held for the vendor (by index).
  function holds(vendor, needs, label = 0) {
    const id = table.vendors[vendor][0];
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

  return {
    match,
    // Whether a vendor, by its id, is held for what its own category needs.
    heldVendor: (id) => { const index = table.vendors.findIndex((each) => each[0] === id); return holds(index, table.vendors[index][2]); },
    named: (patterns, name) => patterns.some((pattern) => globMatches(pattern, name)),
    holds,
    way,
    bit,
    // What is granted, whoever asks.
    truth: () => Object.fromEntries(table.categories.map((name, index) => [name, granted(1 << index, '')])),
    // Whether nothing at all is refused.
    whole: () => [1, 2, 4].every((each) => granted(each, '')) && !Object.values(at.consent.vendors).includes(false),
    // Whether what needs these categories may not go to a vendor, by its id.
    refuses: (id, needs) => own(at.consent.vendors, id) === false || [1, 2, 4].some((bit) => needs & bit && !granted(bit, id)),
    read,
    name: (vendor) => table.vendors[vendor][0],
    // The vendor's id if a URL is held, else ''. A router's events in an address cannot be filtered.
    held(url, attributes) {
      const found = match(url, attributes);
      const all = found && at.routing && (found.part === 4 || found.part === 3 && url.search) ? 7 : 0;
      return found && !found.exempt && holds(found.vendor, found.needs | all, found.label) ? table.vendors[found.vendor][0] : '';
    },
    // A hint names a host, not a request: it is held while nothing on that host may be asked for.
    heldHost(url) {
      const known = rulesFor(url.hostname.replace(/\.$/, ''));
      const all = known ? [...known.rules.filter((rule) => !rule[4]).map((rule) => rule[3]), ...(known.whole ? [known.whole] : [])] : [];
      const foreign = all.filter((each) => !at.site || !table.vendors[each[0]][1].includes(at.site));
      const last = foreign[foreign.length - 1];
      return last && foreign.length === all.length && foreign.every((each) => holds(...each)) ? table.vendors[last[0]][0] : '';
    },
    // The ids of the vendors that an inline script is held for.
    heldSnippet(code) {
      const found = table.snippets.filter(([strings, patterns, vendor, needs]) =>
        holds(vendor, needs) && strings.every((text) => code.includes(text)) && patterns.every((text) => regex(text).test(code)));
      return [...new Set(found.map((each) => table.vendors[each[2]][0]))].join(' ');
    },
    heldCookie(name) {
      const found = table.cookies.find(([pattern, vendor, needs, first]) =>
        first && globMatches(pattern, name) && !(at.site && table.vendors[vendor][1].includes(at.site)) && holds(vendor, needs));
      return found ? table.vendors[found[1]][0] : '';
    },
    heldStorage(key, area) {
      const found = table.storage.find(([pattern, where, vendor, needs]) => where === area && globMatches(pattern, key) && holds(vendor, needs));
      return found ? table.vendors[found[2]][0] : '';
    },
  };
}

// The script of a worker that has its own at `address`, with the guard of workers before it.
function consentryWorker(state, home, address, module) {
  const [first, then] = [home + 'scope.js?v=' + state.version, address].map((each) => JSON.stringify(each));
  const head = 'self.__consentryState=' + JSON.stringify(JSON.stringify(state)) + ';';
  return module ? `${head}await import(${first});await import(${then});` : `${head}importScripts(${first});importScripts(${then});`;
}
