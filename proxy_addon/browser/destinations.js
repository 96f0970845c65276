// Routers: what their settings connect, and where their events may go. Fetched when a router first runs; says the
// same as rewrite/destinations.py, and one set of vectors is put to both. `routers` are the words of vendor files with
// the destinations that are known, `grown` and `shrunk` code of theirs for when consent changes. `at` is as for
// consentryDecide. `host` is where it runs: {nothing: makes an empty answer, note: takes what became of events, or
// null where a body is held, blob: gives the text of a blob, if it is known}.
function consentryRouter(routers, grown, shrunk, core, at, host) {
  'use strict';
  const MOST = 8 << 20, DEEPEST = 200, LISTING = 2, EVENTS = 3;
  const own = (object, key) => (object && Object.prototype.hasOwnProperty.call(object, key) ? object[key] : undefined);
  const unclear = () => { throw new Error('unclear'); };
  const json = JSON.stringify;

  // ---- JSON as text, as rewrite/jsontext.py has it: what changes is spliced in, all else stays as it was written.
  // A part is {text, name, start, at, end}: text from `start` is its member's name and colon, from `at` its value.
  const SPACE = /[ \t\r\n]*/y, SCALAR = /[^\s,\]}]*/y, MARK = /[[\]{}"]/g;
  const past = (pattern, text, from) => { pattern.lastIndex = from; pattern.exec(text); return pattern.lastIndex; };
  const space = (text, from) => past(SPACE, text, from);
  function pastString(text, from) {
    for (let end = from; ;) {
      let before = end = text.indexOf('"', end + 1);
      while (text[before - 1] === '\\') before--;
      if ((end - before) % 2 === 0) return end + 1;
    }
  }
  function pastValue(text, from) {
    if (text[from] === '"') return pastString(text, from);
    if (text[from] !== '{' && text[from] !== '[') return past(SCALAR, text, from);
    for (let depth = 0, end = from; ;) {
      end = past(MARK, text, end);
      const mark = text[end - 1];
      if (mark === '"') end = pastString(text, end - 1);
      else if (mark === '{' || mark === '[') depth++;
      else if (--depth === 0) return end;
    }
  }
  function read(text) {
    if (text.length > MOST) unclear();
    JSON.parse(text);
    for (let depth = 0, from = 0; (from = past(MARK, text, from));) {
      const mark = text[from - 1];
      if (mark === '"') from = pastString(text, from - 1);
      else if ((depth += mark === '{' || mark === '[' ? 1 : -1) > DEEPEST) unclear();
    }
    const at = space(text, 0);
    return { text, name: null, start: at, at, end: pastValue(text, at) };
  }
  const is = (part, sign) => part.text[part.at] === sign;
  const raw = ({ text, at, end }) => text.slice(at, end);
  const word = (part) => (part && is(part, '"') ? JSON.parse(raw(part)) : null);
  function parts(whole) {
    if (whole.parts) return whole.parts;
    const found = whole.parts = [], { text } = whole, object = is(whole, '{');
    if (!object && !is(whole, '[')) return found;
    for (let index = space(text, whole.at + 1); !'}]'.includes(text[index]);) {
      const start = index;
      let name = null;
      if (object) {
        index = pastString(text, start);
        name = JSON.parse(text.slice(start, index));
        index = space(text, space(text, index) + 1);
      }
      const end = pastValue(text, index);
      found.push({ text, name, start, at: index, end });
      index = space(text, end);
      if (text[index] === ',') index = space(text, index + 1);
    }
    return found;
  }
  const named = (part, name) => (is(part, '{') ? parts(part).filter((each) => each.name === name) : []);
  const last = (part, name) => named(part, name).pop();
  const reach = (root, path) => path.reduce((found, name) => found.flatMap((part) => named(part, name)), [root]);
  // An object with members changed: `changes` maps names to functions of the member (null: none) that give JSON, or
  // null for no change. What is not there is added at the end.
  function put(part, changes) {
    const there = new Set(), members = [];
    let same = true;
    for (const child of parts(part)) {
      there.add(child.name);
      const change = changes.get(child.name), fresh = change ? change(child) : null;
      members.push(part.text.slice(child.start, child.at) + (fresh ?? raw(child)));
      same = same && (fresh === null || fresh === raw(child));
    }
    for (const [name, change] of changes) {
      const fresh = there.has(name) ? null : change(null);
      if (fresh !== null) { members.push(json(name) + ':' + fresh); same = false; }
    }
    return same ? raw(part) : '{' + members.join(',') + '}';
  }
  const none = (part) => !part || raw(part) === 'null';
  function along([first, ...rest], change) {
    if (!rest.length) return [first, change];
    const [name, inner] = along(rest, change);
    return [first, (part) => {
      const made = none(part) ? inner(null) : null;
      if (none(part)) return made && '{' + json(name) + ':' + made + '}';
      return is(part, '{') ? put(part, new Map([[name, inner]])) : unclear();
    }];
  }
  const set = (to) => (part) => (part && raw(part) === String(to) ? null : String(to));
  const object = (text) => { const root = read(text); return is(root, '{') ? root : unclear(); };
  const around = (root, value) => root.text.slice(0, root.at) + value + root.text.slice(root.end);

  // ---- Destinations: by each of their names, {needs, vendor, names}.
  const rosters = {};
  for (const [router, { destinations }] of Object.entries(routers)) {
    const known = new Map(), said = (at.routing || {}).categories;
    const add = (name, [needs, vendor, ...all]) => {
      const names = [...new Set([name, ...all])], other = names.map((each) => own(said, each)).find(Boolean);
      if (!known.has(name)) known.set(name, { needs: other ? core.bit(other) : needs, vendor, names });
    };
    for (const each of destinations) add(each[2], each);
    for (const each of destinations) for (const alias of each.slice(3)) add(alias, each);
    for (const [name, category] of Object.entries(said || {})) if (!known.has(name)) known.set(name, { needs: core.bit(category), vendor: '', names: [name] });
    rosters[router] = { known, names: destinations.map((each) => each[2]), catalogued: destinations.filter((each) => each[1]).map((each) => each[2]) };
  }
  const find = (router, name) => rosters[router].known.get(name) || { needs: 7, vendor: '', names: [name] };
  // (A choice for the router itself is none for what it forwards to, so a name here is no vendor's id.)
  function allows(router, name) {
    const { needs, vendor } = find(router, name);
    return routers[router].itself.includes(name) || !core.refuses(vendor || 'destination ' + name, needs);
  }
  const everything = () => Object.values(core.truth()).every(Boolean);
  const allowsAll = (router) => everything() && rosters[router].catalogued.every((name) => allows(router, name));

  // 'router key' → the names that are connected, and the settings that passed, for what is allowed later.
  const active = new Map(), passed = new Map();
  for (const [router, keys] of Object.entries((at.routing || {}).active || {})) for (const [key, names] of Object.entries(keys)) active.set(router + ' ' + key, new Set(names));
  function remember(map, key, value) {
    map.delete(key);
    map.set(key, value);
    if (map.size > 20) map.delete(map.keys().next().value);
  }
  const keyIn = (router, text) => routers[router].key.map((pattern) => (new RegExp(pattern).exec(text) || [])[1]).find(Boolean) || '';

  // ---- Settings.
  // Each entry that names a destination: [name, the way to it from the root on].
  function entries(root, places) {
    const found = [];
    let there = false;
    for (const { at: path, form, name: members } of places) {
      let ways = [[root]];
      for (const name of path) ways = ways.flatMap((way) => named(way[way.length - 1], name).map((part) => [...way, part]));
      for (const way of ways) {
        const place = way[way.length - 1];
        if (!is(place, form === 'keys' ? '{' : '[')) continue;
        there = true;
        for (const part of parts(place)) {
          const name = form === 'keys' ? part.name : form === 'names' ? word(part)
            : members.reduce((known, member) => known ?? word(last(part, member)), null);
          if (name !== null) found.push([name, [...way, part]]);
        }
      }
    }
    // Where none of the places is there, who knows where the destinations are listed.
    return there ? found : unclear();
  }
  function without(root, ways) {
    const gone = new Set(ways.map((way) => way[way.length - 1])), inside = new Set(ways.flatMap((way) => way.slice(0, -1)));
    const keep = (part) => (inside.has(part) ? part.text[part.at] + parts(part).filter((child) => !gone.has(child))
      .map((child) => part.text.slice(child.start, child.at) + keep(child)).join() + part.text[part.end - 1] : raw(part));
    return around(root, keep(root));
  }
  const namesIn = (router, found) => new Set(found.map(([name]) => name).filter((name) => !routers[router].itself.includes(name)));
  // Settings without what is refused: {text, active, refused}; null if they are not understood.
  function settings(router, text) {
    try {
      const root = object(text), found = entries(root, routers[router].connected);
      const names = namesIn(router, found), refused = [...names].filter((name) => !allows(router, name)).sort();
      return { text: refused.length ? without(root, found.filter(([name]) => refused.includes(name)).map(([, way]) => way)) : text, active: names, refused };
    } catch (error) { return null; }
  }
  function listed(router, text) {
    try { return namesIn(router, entries(read(text), routers[router].listed)); } catch (error) { return null; }
  }

  // ---- Events.
  // A body of events as it may go out: {text, events: what becomes of each}; null if it is not understood. `names`:
  // what is connected, null if that is not known.
  function event(router, text, names) {
    const words = routers[router].events, rows = [];
    // Where everything is allowed only because the visitor said nothing, there is nothing to tell.
    const { categories, vendors, gpc } = at.consent;
    const tells = Object.keys(categories).length || Object.keys(vendors).length || gpc || !everything();
    const [first, preferring] = words.preferences.length && tells ? along(words.preferences, (part) => preferred(words, part)) : [];
    const one = (part, outer) => {
      if (!is(part, '{') || !words.marks.some((mark) => last(part, mark)) || (words.batch && last(part, words.batch))) unclear();
      rows.push(sent(router, part, names, [...outer, ...named(part, words.switches)]));
      return put(part, new Map([[words.switches, (found) => switched(router, found, names, outer)], ...(first ? [[first, preferring]] : [])]));
    };
    try {
      const root = object(text), batches = words.batch ? named(root, words.batch) : [];
      if (!batches.length) return { text: around(root, one(root, [])), events: rows };
      if (!batches.every((batch) => is(batch, '['))) return null;
      // What a body says for all of its events is merged with what each says: both are held to the same.
      const outer = named(root, words.switches);
      const changes = new Map([[words.batch, (batch) => {
        const items = parts(batch).map((item) => one(item, outer));
        return items.every((item, index) => item === raw(batch.parts[index])) ? null : '[' + items.join() + ']';
      }]]);
      if (outer.length) changes.set(words.switches, (part) => switched(router, part, names, [], true));
      if (first && reach(root, words.preferences).length) changes.set(first, preferring);
      return { text: around(root, put(root, changes)), events: rows };
    } catch (error) { return null; }
  }
  function said(switches) {
    const found = new Map();
    for (const each of switches) for (const child of parts(each)) found.set(child.name, raw(child) !== 'false' && found.get(child.name) !== false);
    return found;
  }
  // (Which counts where a whole batch says something else than its event is not documented: there nothing is turned on.)
  function switched(router, part, names, outer, batch) {
    const switches = [part, ...outer].filter((each) => !none(each));
    if (!switches.every((each) => is(each, '{'))) unclear();
    const wanted = [...wantedOf(router, switches, names)].filter(([, to]) => !batch || !to);
    if (none(part)) return wanted.length ? '{' + wanted.map(([name, to]) => json(name) + ':' + to).join() + '}' : null;
    const changes = new Map(wanted.map(([name, to]) => [name, set(to)]));
    for (const { name } of parts(part)) if (name !== routers[router].events.all && !allows(router, name)) changes.set(name, set(false));
    return put(part, changes);
  }
  // The switches that an event must carry, whatever else it carries.
  function wantedOf(router, switches, names) {
    if (allowsAll(router)) return new Map();
    const { all } = routers[router].events, given = said(switches), on = new Map(), off = new Map();
    // The switch for all the others closes for what settings do not list, or what is in no list of ours.
    const closes = all && !everything();
    if (closes) off.set(all, false);
    for (const name of names ? [...names].sort() : rosters[router].names) {
      const each = find(router, name).names;
      if (routers[router].itself.includes(name)) continue;
      if (!allows(router, name)) {
        if (names || !closes) for (const other of each) off.set(other, false);
      } else if (closes && given.get(all) !== false && !each.some((other) => given.has(other))) for (const other of names ? each : [name]) on.set(other, true);
    }
    return new Map([...on, ...off]);
  }
  function preferred(words, part) {
    const truth = Object.entries(core.truth());
    if (none(part)) return json(core.truth());
    if (!is(part, '{')) unclear();
    const changes = new Map(truth.map(([name, to]) => [name, set(to)]));
    for (const { name } of parts(part)) {
      const category = own(words.names, name.toLowerCase()) || name.toLowerCase(), to = own(core.truth(), category);
      if (to !== undefined) changes.set(name, set(to));
    }
    return put(part, changes);
  }
  // What becomes of one event, for the evidence: {kind, title, kept (null: not known), off, site: what the site switched off}.
  function sent(router, part, names, switches) {
    const { all, title, kind } = routers[router].events, given = said(switches), kept = [], off = [], site = [];
    const named = [...given.keys()].filter((name) => name !== all && (!names || (given.get(name) && !allows(router, name))));
    for (const name of [...new Set([...named, ...(names || [])])].sort()) {
      if (routers[router].itself.includes(name)) continue;
      const own = find(router, name).names.filter((each) => given.has(each)).map((each) => given.get(each));
      (!allows(router, name) ? off : own.includes(false) || (!own.length && given.get(all) === false) ? site : kept).push(shown(name));
    }
    const text = (members) => shown(members.flatMap((name) => parts(part).filter((each) => each.name === name && is(each, '"'))).map(word)[0] || '');
    return { kind: text([kind]), title: text(title), kept: names ? kept : null, off, site };
  }
  // A site's word as evidence may show it: short, printable, without what looks like the visitor's own.
  function shown(text) {
    const clean = [...text.slice(0, 480)].slice(0, 240).join('').replace(/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, ' ').replace(/[^\s@]+@[^\s@]+|\p{Nd}{6,}/gu, '…');
    return [...clean].length > 60 ? [...clean].slice(0, 59).join('') + '…' : clean;
  }

  // ---- Requests. A way is {router, part, stranger, url}, as consentryDecide finds it.
  const sourceOf = (way, key) => way.router + ' ' + key;
  function fits(shape, text) {
    try {
      const root = object(text);
      return shape.has.every((name) => last(root, name));
    } catch (error) { return false; }
  }
  // An answer that says what is connected, as the page may read it.
  function answered(way, text) {
    const { shape } = routers[way.router], key = keyIn(way.router, way.url.href), source = sourceOf(way, key);
    if (way.stranger && !fits(shape, text)) return text;
    const found = way.part === LISTING ? { text, active: listed(way.router, text) || [] } : settings(way.router, text);
    // What is not understood connects nothing.
    if (!found) return '{}';
    const names = new Set([...(active.get(source) || []), ...found.active]);
    remember(active, source, names);
    // A worker that starts later is told so.
    at.routing.active = { ...at.routing.active, [way.router]: { ...own(at.routing.active, way.router), [key]: [...names] } };
    if (way.part !== LISTING) remember(passed, source, text);
    return found.text;
  }
  // A text of events as it may go out; null: not at all.
  function told(way, text) {
    const words = routers[way.router].events;
    if (way.stranger && !fits(words.shape, text)) return text;
    let key = null;
    try { key = words.key && word(last(object(text), words.key)); } catch (error) { /* it is not understood below either */ }
    const runs = !core.heldVendor(way.router), made = runs ? event(way.router, text, active.get(sourceOf(way, key)) || null) : null;
    if (runs && !made && allowsAll(way.router)) return text;
    host.note(way, made && made.events);
    return made && made.text;
  }
  // A body as it may go out, of the kind that it is; null: it is held. A promise where it cannot be read at once.
  function filtered(way, body) {
    const kind = Object.prototype.toString.call(body), view = ArrayBuffer.isView(body);
    if (typeof body === 'string') return told(way, body);
    if (view || kind === '[object ArrayBuffer]') return bytes(way, view ? new Uint8Array(body.buffer, body.byteOffset, body.byteLength) : new Uint8Array(body), body);
    if (kind === '[object Blob]' || kind === '[object File]') {
      const again = (before, fresh) => (fresh === null ? null : fresh === before ? body : new Blob([fresh], { type: body.type }));
      const text = host.blob(body);
      if (typeof text === 'string') return again(text, told(way, text));
      return body.arrayBuffer().then(async (data) => again(data, await filtered(way, data)));
    }
    return otherwise(way, body);
  }
  // What is not understood goes nowhere while anything is refused; a stranger's is none of ours.
  function otherwise(way, body) {
    if (way.stranger || allowsAll(way.router)) return body;
    host.note(way, null);
    return null;
  }
  const decode = (data) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
  const encode = (text) => new TextEncoder().encode(text);
  function bytes(way, data, body) {
    const coding = data[0] === 0x1f && data[1] === 0x8b ? 'gzip' : data[0] === 0x78 && (data[0] * 256 + data[1]) % 31 === 0 ? 'deflate' : '';
    if (coding) return recoded(way, data, coding, body).catch(() => otherwise(way, body));
    let text;
    try { text = decode(data); } catch (error) { return otherwise(way, body); }
    const fresh = told(way, text);
    return fresh === text ? body : fresh && encode(fresh);
  }
  async function recoded(way, data, coding, body) {
    const text = decode(await through(data, new DecompressionStream(coding))), fresh = told(way, text);
    return fresh === text ? body : fresh && through(encode(fresh), new CompressionStream(coding));
  }
  async function through(data, stream) {
    const reader = new Blob([data]).stream().pipeThrough(stream).getReader(), found = [];
    for (let size = 0, piece; !(piece = await reader.read()).done; found.push(piece.value)) {
      if ((size += piece.value.length) > MOST) { reader.cancel(); unclear(); }
    }
    return new Uint8Array(await new Blob(found).arrayBuffer());
  }

  // fetch(): `original` is the one before us.
  function fetch(way, original, that, given) {
    const [input, init] = given, request = typeof input === 'object' ? input : null;
    if (way.part < EVENTS) return original.apply(that, given).then((answer) => answeredBy(way, answer));
    const before = (init && init.body) ?? undefined, unread = request && before === undefined;
    const go = (body) => (body === null ? host.nothing() : body === undefined ? original.apply(that, given)
      // What else `init` says, however it says it, stays.
      : original.call(that, input, Object.create(init || {}, { body: { value: body, enumerable: true } })));
    const body = !unread ? filtered(way, before) : request.clone().arrayBuffer().then(async (data) => {
      const fresh = await filtered(way, data);
      return fresh === data ? undefined : fresh;
    });
    return body && typeof body.then === 'function' ? body.then(go) : Promise.resolve(go(body));
  }
  async function answeredBy(way, answer) {
    if (!answer.ok || answer.status === 204 || answer.status === 205) return answer;
    const text = await answer.clone().text(), fresh = answered(way, text);
    if (fresh === text) return answer;
    const { status, statusText, headers } = answer, made = new Response(fresh, { status, statusText, headers });
    for (const name of ['url', 'type', 'redirected']) Object.defineProperty(made, name, { value: answer[name], configurable: true });
    return made;
  }

  // XMLHttpRequest: `send` sends a body, `refuse` none.
  function send(way, request, body, send, refuse) {
    if (way.part < EVENTS) { answers(way, request); return send(body); }
    const fresh = filtered(way, body ?? undefined), go = (found) => (found === null ? refuse() : send(found));
    if (!fresh || typeof fresh.then !== 'function') return go(fresh);
    if (way.sync) return refuse();
    fresh.then(go, refuse);
    return undefined;
  }
  // What the page reads of an answer is what it may.
  function answers(way, request) {
    let cached = null;
    const proto = Object.getPrototypeOf(request);
    for (const name of ['response', 'responseText']) {
      Object.defineProperty(request, name, { configurable: true, enumerable: true, get() {
        const type = request.responseType, whole = request.readyState === 4, found = whole ? Reflect.get(proto, name, request) : null;
        if (type === 'blob' || type === 'document') return null;
        if (!whole) return type && type !== 'text' ? null : '';
        if (!(request.status >= 200 && request.status < 300)) return found;
        cached = cached || { text: answered(way, typeof found === 'string' ? found : type === 'json' ? json(found) : new TextDecoder().decode(found)) };
        return type === 'json' ? JSON.parse(cached.text) : type === 'arraybuffer' ? encode(cached.text).buffer : cached.text;
      } });
    }
  }

  // To be called before consent changes; what it returns, after: what is newly allowed comes, what is refused stops.
  function changes() {
    const refusedOf = (router, text) => [...settings(router, text).active].filter((name) => !allows(router, name));
    const before = [...passed].map(([source, text]) => [source.split(' ')[0], text, refusedOf(source.split(' ')[0], text)]);
    return () => {
      for (const [router, text, refused] of before) {
        if (core.heldVendor(router)) continue;
        const now = refusedOf(router, text), names = refused.filter((name) => allows(router, name));
        if (now.length && own(shrunk, router)) shrunk[router].call(self, now);
        if (names.length && own(grown, router)) grown[router].call(self, JSON.parse(text), names);
      }
    };
  }

  return { settings, listed, event, fits: (router, part, text) => fits((part === EVENTS ? routers[router].events : routers[router]).shape, text), filtered, fetch, send, changes };
}
