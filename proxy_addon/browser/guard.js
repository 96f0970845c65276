// The guard: first script of every document. It holds what code creates after the document was rewritten,
// releases it when consent comes, and takes back what consent no longer covers.
// Put together by assets.py: consentryDecide stands before it, TABLE, CODE and WATCHED are filled in.
(function () {
  'use strict';
  const tag = document.currentScript;
  const state = JSON.parse(tag.getAttribute('data-consentry-state'));
  const nonce = tag.nonce;
  const source = tag.src || tag.getAttribute('href');
  if (window.consentry && window.consentry.version) { tag.remove(); return; }

  const MARK = 'data-consentry', PREFIX = 'data-consentry-', TYPE = 'text/x-consentry';
  const INERT = 'about:invalid#consentry:';
  const at = { site: state.site, consent: state.consent, law: state.law, strict: state.strict, plain: state.plain, routing: state.routing };
  const core = consentryDecide(TABLE, at, ask);
  // Absolute: a page's <base> must not lead our own requests elsewhere.
  const home = (self.origin && self.origin !== 'null' ? self.origin : state.origin) + state.base;
  const listeners = new Set();
  const armed = new WeakSet();
  const shadows = [];
  // Frames that were to be led to a held vendor: how to lead them there once they may.
  const led = new Map();
  // Whether the page has registered a worker of its own for the whole site.
  let hasWorker = false;

  // What pages may overwrite is kept before they can.
  const N = {
    get: Element.prototype.getAttribute, set: Element.prototype.setAttribute, remove: Element.prototype.removeAttribute,
    setNS: Element.prototype.setAttributeNS,
    fetch: window.fetch, URL: window.URL, append: Node.prototype.appendChild, write: Document.prototype.write,
    open: XMLHttpRequest.prototype.open, send: XMLHttpRequest.prototype.send, item: Storage.prototype.getItem, setProperty: CSSStyleDeclaration.prototype.setProperty,
    cookie: Object.getOwnPropertyDescriptor(Document.prototype, 'cookie'), beacon: navigator.sendBeacon,
  };
  // querySelectorAll of fragments and documents is another function than that of elements.
  N.query = { call: (node, selector) => (node.nodeType === 1 ? Element : node.nodeType === 9 ? Document : DocumentFragment).prototype.querySelectorAll.call(node, selector) };

  // ---- What the table cannot say is asked at once, as what asks cannot wait. Answers last, so that the browser keeps them.
  let silent = 0;
  function ask(query, wanted) {
    const address = home + 'table?v=' + state.version + query;
    // A proxy that has gone is not waited for again and again.
    if (silent < Date.now()) {
      const request = new XMLHttpRequest();
      try {
        N.open.call(request, 'GET', address, false);
        N.send.call(request);
        if (request.status === 200) return took(JSON.parse(request.responseText), query);
      } catch (error) { /* nothing may wait here: a page that is going, or one whose policy forbids it */ }
      silent = Date.now() + 1000;
    }
    if (later.size < 200 && !later.has(address)) {
      later.add(address);
      N.fetch.call(window, address, { credentials: 'omit' }).then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status))).then((answer) => {
        core.learn(took(answer, query), wanted);
        silent = 0;
        forget();
        release();
      }).catch(() => {}).then(() => setTimeout(() => later.delete(address), 5000));
    }
    return null;
  }
  const later = new Set();
  function took(answer, query) {
    if (answer.code) safely(() => runCode(answer.code, query));
    return answer;
  }
  // The vendors' code runs at once where the page's policy lets it stand in the page, and else comes from our address.
  function runCode(code, query) {
    let came = false;
    for (const inline of [true, false]) {
      const script = document.createElement('script');
      script.addEventListener('consentry', (event) => { came = true; Object.assign(CODE, event.detail); });
      script.addEventListener('load', () => script.remove());
      if (nonce) script.nonce = nonce;
      if (inline) N.append.call(script, document.createTextNode(trusted(window, `document.currentScript.dispatchEvent(new CustomEvent('consentry',{detail:${code}}))`, 'createScript')));
      else N.set.call(script, 'src', trusted(window, home + 'code.js?v=' + state.version + query, 'createScriptURL'));
      N.append.call(document.head || document.documentElement, script);
      if (inline) script.remove();
      if (came) return;
    }
  }

  // ---- Reports: batched, and sent at the latest when the page goes.
  let outbox = [], timer = 0;
  const seen = new Set();
  // One script may hold several vendors: each of them gets a row.
  function report(outcome, vendors, url, type, layer = 'guard') {
    for (const vendor of vendors.split(' ')) {
      const key = outcome + vendor + url;
      if (seen.has(key) || seen.size > 1000) continue;
      seen.add(key);
      row({ outcome, vendor, url: String(url).slice(0, 2000), type, layer });
    }
  }
  function row(each) {
    outbox.push(each);
    if (!timer) timer = setTimeout(flush, 250);
  }
  function flush() {
    clearTimeout(timer);
    timer = 0;
    if (!outbox.length) return;
    const body = JSON.stringify({ page: location.href, rows: outbox.splice(0, 100) });
    try { N.beacon.call(navigator, home + 'report', body); } catch (error) { /* the page is going */ }
    if (outbox.length) timer = setTimeout(flush, 250);
  }
  addEventListener('pagehide', flush, true);

  // ---- Deciding on what an element or a call names.
  function parse(reference, base) {
    try { return new N.URL(reference, base || document.baseURI); } catch (error) { return null; }
  }
  const remembered = new Map();
  function judge(reference, type, attributes, base) {
    const text = String(reference);
    if (!text || text[0] === '#') return '';
    const key = text.length < 300 && /^(?:https?:)?\/\//i.test(text) && type !== 'link' && !(attributes && attributes.includes('data-domain')) && !base ? text : null;
    if (key !== null && remembered.has(key)) return remembered.get(key);
    const url = parse(text, base);
    const hint = type === 'link' && url && url.pathname === '/' && !url.search;
    const vendor = !url ? '' : hint ? core.held(url, attributes) && core.heldHost(url) : core.held(url, attributes);
    if (key !== null && vendor !== core.UNKNOWN) {
      if (remembered.size > 3000) remembered.clear();
      remembered.set(key, vendor);
    }
    if (vendor) report('held', vendor, url.href, type);
    else if (url && TOLD.test(url.search)) reportTold(url, type, attributes);
    return vendor;
  }
  // What a tag that may run says that it was told of consent; of the query only that.
  const TOLD = /[?&](?:gcs|gcd|asc)=/;
  function reportTold(url, type, attributes) {
    const found = core.match(url, attributes);
    if (!found || found.exempt || found.vendor === core.UNKNOWN) return;
    const told = [...url.searchParams].filter(([name]) => TOLD.test('?' + name + '='));
    report('asked', found.vendor, url.origin + url.pathname + '?' + new URLSearchParams(told), type);
  }
  const forget = () => { remembered.clear(); };

  // ---- Routers: what their requests may carry is decided by destinations.js, fetched when one first makes a request.
  let router = null, coming = null;
  const ways = new WeakMap(), blobs = new WeakMap();
  const routed = (reference, method) => safely(() => {
    const url = state.routing && parse(reference), way = url && core.way(url, String(method).toUpperCase());
    if (way) comes().catch(() => {});
    return way;
  }, null);
  function comes() {
    coming = coming || new Promise((resolve, reject) => {
      const script = document.createElement('script');
      script.addEventListener('consentry', (event) => {
        router = event.detail(core, at, routerHost);
        // A beacon is sent when its page goes, when no blob can be read any more.
        wrapClass(window, 'Blob', (given, make) => {
          const blob = make(), parts = given[0];
          if (Array.isArray(parts) && parts.length === 1 && typeof parts[0] === 'string' && parts[0].length < 65536) blobs.set(blob, parts[0]);
          return blob;
        });
      });
      for (const name of ['load', 'error']) script.addEventListener(name, () => {
        script.remove();
        if (router) resolve(router);
        else { coming = null; reject(new Error('routers.js')); }
      });
      if (nonce) script.nonce = nonce;
      N.set.call(script, 'src', trusted(window, home + 'routers.js?v=' + state.version, 'createScriptURL'));
      N.append.call(document.head || document.documentElement, script);
    });
    return coming;
  }
  const routerHost = {
    nothing: () => new Response(null, { status: 204, statusText: 'Held by Consentry' }),
    blob: (blob) => blobs.get(blob),
    note(way, events) {
      if (!events) report('held', way.router, way.url.href, 'empty');
      for (const event of events || []) row({ outcome: 'filtered', vendor: way.router, url: way.url.href, type: 'empty', layer: 'guard', event });
    },
  };

  // ---- Elements: which attributes fetch, and as what. As in rewrite/html.py.
  const FETCHES = {
    script: { src: 'script', href: 'script', 'xlink:href': 'script' }, iframe: { src: 'iframe' }, frame: { src: 'frame' },
    fencedframe: { src: 'iframe' }, embed: { src: 'embed' }, object: { data: 'object' }, img: { src: 'image' },
    input: { src: 'image' }, source: { src: 'media' }, video: { src: 'video', poster: 'image' }, audio: { src: 'audio' },
    track: { src: 'track' }, link: { href: 'link' }, image: { href: 'image', 'xlink:href': 'image' },
    feimage: { href: 'image', 'xlink:href': 'image' }, use: { href: 'image', 'xlink:href': 'image' },
    set: { to: 'image' }, animate: { from: 'image', to: 'image', by: 'image' }, a: { ping: 'ping' }, area: { ping: 'ping' },
  };
  // Attributes of SVG that hold CSS.
  const PAINT = ['mask', 'fill', 'stroke', 'filter', 'clip-path', 'cursor', 'marker-start', 'marker-mid', 'marker-end'];
  const SVG = 'http://www.w3.org/2000/svg';
  const DOCUMENTS = { iframe: 'src', frame: 'src', embed: 'src', object: 'data' };
  const SETS = { img: 'srcset', source: 'srcset', link: 'imagesrcset' };
  const RELS = /(?:^|\s)(?:stylesheet|icon|apple-touch-icon|apple-touch-icon-precomposed|mask-icon|preload|prefetch|modulepreload|preconnect|dns-prefetch|prerender|manifest|compression-dictionary)(?:\s|$)/i;
  const SCRIPT_TYPES = /^(?:|module|(?:text|application)\/(?:x-)?(?:java|ecma)script|text\/(?:javascript1\.[0-5]|jscript|livescript))$/i;
  const NAMES = new Set([...Object.keys(FETCHES), 'style', 'meta']);
  const SELECTOR = Object.keys(FETCHES).filter((name) => name !== 'a' && name !== 'area').join(',') +
    ',style,[ping],[background],[style*="url("],[style*="image-set("],[srcdoc],' + PAINT.map((name) => `[${name}*="url("]`).join(',');
  const candidates = (text) => (text.match(/[^\s,][^\s]*(?:[^,(]|\([^)]*\))*/g) || []).map((each) => each.split(/\s/)[0]);

  function runs(element) {
    const type = N.get.call(element, 'type');
    if (type === null) {
      const language = N.get.call(element, 'language');
      return !language || SCRIPT_TYPES.test('text/' + language.trim());
    }
    return SCRIPT_TYPES.test(type.trim());
  }

  const MAPS = /^\s*(?:importmap|speculationrules)\s*$/i;
  // An import map or speculation rules: each tracked address keeps its place behind the prefix.
  function judgeMap(script) {
    const text = script.textContent;
    const held = text.replace(/"((?:[^"\\]|\\[^])*)"/g, (whole, inside) => (/\/.*\//.test(inside) && judge(JSON.parse(whole), 'script') ? '"' + INERT + inside + '"' : whole));
    if (held === text) return false;
    script.textContent = held;
    return true;
  }
  // The vendors that an inline script is held for: it is theirs, or it imports from them.
  const IMPORTS = /\b(?:import|from)\b\s*\(?\s*(["'`])((?:https?:)?\/\/[^"'`\s]+)\1/g;
  function heldCode(code) {
    const vendor = code.length > 20 ? core.heldSnippet(code) : '';
    if (vendor || !code.includes('import')) return vendor;
    for (const found of code.matchAll(IMPORTS)) {
      const held = judge(found[2], 'script');
      if (held) return held;
    }
    return '';
  }

  function kindOf(element, name, attribute) {
    if (attribute === 'background') return 'image';
    if (SETS[name] === attribute) return name === 'link' ? linkKind(element) : 'image';
    const kind = (FETCHES[name] || {})[attribute];
    if (kind === 'link') return linkKind(element);
    if (name === 'input' && (N.get.call(element, 'type') || '').toLowerCase() !== 'image') return undefined;
    return kind;
  }
  const linkKind = (element) => (RELS.test(N.get.call(element, 'rel') || '') ? 'link' : undefined);

  // The vendors of one attribute's value, or ''.
  function judgeValue(element, name, attribute, value) {
    const kind = kindOf(element, name, attribute);
    if (kind === undefined || value === null) return '';
    const names = name === 'script' ? element.getAttributeNames() : undefined;
    const references = SETS[name] === attribute ? candidates(value) : kind === 'ping' ? value.split(/\s+/) : [value];
    for (const reference of references) {
      const vendor = judge(reference, kind, names) || judgeText(reference, name, attribute, element.isConnected);
      if (vendor) return vendor;
    }
    return '';
  }

  // Code and style sheets that stand in the address itself are held for what they name.
  function judgeText(reference, name, attribute, connected) {
    if (DOCUMENTS[name] === attribute && /^\s*javascript:/i.test(reference)) {
      let code = reference;
      try { code = decodeURIComponent(reference); } catch (error) { /* as it is */ }
      return mentions(code);
    }
    // (A sheet that the parser has begun to load may not be taken from it: that is the rewriter's.)
    return name === 'link' && !connected && /^\s*(?:data:text\/css|blob:)/i.test(reference) ? mentions(textOf(reference).body) : '';
  }

  function setMark(element, vendor) {
    const known = (N.get.call(element, MARK) || '').split(' ').filter(Boolean);
    if (!known.includes(vendor)) N.set.call(element, MARK, [...known, ...vendor.split(' ')].join(' '));
  }

  function hold(element, attribute, value, vendor) {
    N.set.call(element, PREFIX + attribute.replace(':', '-'), value);
    if (attribute === 'xlink:href') element.removeAttributeNS('http://www.w3.org/1999/xlink', 'href');
    else N.remove.call(element, attribute);
    setMark(element, vendor);
  }

  function holdScript(element, vendor) {
    const type = N.get.call(element, 'type');
    if (type !== null && type !== TYPE) N.set.call(element, PREFIX + 'type', type);
    N.set.call(element, 'type', TYPE);
    setMark(element, vendor);
    installStubs(vendor);
  }

  // A refresh that a script makes or writes leads a document to a vendor.
  function judgeRefresh(meta) {
    if (!/^\s*refresh\s*$/i.test(N.get.call(meta, 'http-equiv') || '')) return false;
    const content = N.get.call(meta, 'content') || '', found = /url\s*=\s*["']?\s*([^"']+)/i.exec(content);
    const vendor = found && judge(found[1], 'document');
    if (vendor) hold(meta, 'content', content, vendor);
    return !!vendor;
  }

  // Judge one element as it stands, and hold what is tracked. True if anything was.
  function judgeElement(element) {
    const name = element.localName && element.localName.toLowerCase();
    if (!name) return false;
    let changed = false;
    if (name === 'meta') return element.ownerDocument !== document && judgeRefresh(element);
    if (name === 'script') {
      if (!runs(element)) return MAPS.test(element.type) && judgeMap(element);
      for (const attribute of ['src', 'href', 'xlink:href']) {
        const value = attribute === 'src' || element.namespaceURI.endsWith('svg') ? N.get.call(element, attribute) : null;
        const vendor = value === null ? '' : judgeValue(element, name, attribute, value);
        if (vendor) { hold(element, attribute, value, vendor); holdScript(element, vendor); return true; }
      }
      if (!element.hasAttribute('src')) {
        const vendor = heldCode(element.textContent);
        if (vendor) { report('held', vendor, 'inline script', 'script'); holdScript(element, vendor); return true; }
      }
      return false;
    }
    for (const attribute of [...Object.keys(FETCHES[name] || {}), SETS[name], 'background']) {
      const value = attribute ? N.get.call(element, attribute) : null;
      const vendor = value === null ? '' : judgeValue(element, name, attribute, value);
      if (vendor) { hold(element, attribute, value, vendor); changed = true; }
    }
    if (DOCUMENTS[name]) {
      const address = N.get.call(element, DOCUMENTS[name]), armedAddress = address && frameAddress(address);
      if (armedAddress !== address) N.set.call(element, DOCUMENTS[name], armedAddress);
    }
    if (name === 'iframe') {
      const document = N.get.call(element, 'srcdoc');
      if (document !== null) armDocument(element, document);
    }
    if (name === 'style') changed = judgeSheet(element) || changed;
    for (const attribute of element.namespaceURI === SVG ? ['style', ...PAINT] : ['style']) {
      const style = N.get.call(element, attribute);
      if (style === null || !FETCHING.test(style)) continue;
      const held = holdCss(style);
      if (held !== style) { N.set.call(element, attribute, held); changed = true; }
    }
    return changed;
  }

  function judgeTree(node) {
    if (!node || (node.nodeType !== 1 && node.nodeType !== 11 && node.nodeType !== 9)) return false;
    let changed = node.nodeType === 1 ? judgeElement(node) : false;
    if (node.firstElementChild) {
      for (const element of N.query.call(node, SELECTOR)) changed = judgeElement(element) || changed;
    }
    return changed;
  }

  // ---- CSS, as in rewrite/css.py: an address keeps its place behind a prefix that nothing fetches.
  const CSS = /\/\*[^]*?(?:\*\/|$)|((?<![\w-])(?:\\?u|\\0{0,4}[57]5\s?)(?:\\?r|\\0{0,4}[57]2\s?)(?:\\?l|\\0{0,4}[46]c\s?)\(\s*)(?:"((?:[^"\\\n]|\\[^])*)"|'((?:[^'\\\n]|\\[^])*)'|((?:[^\s"'()\\]|\\[^])+))|(@import\s+)(?:"((?:[^"\\\n]|\\[^])*)"|'((?:[^'\\\n]|\\[^])*)')|(image-set\()([^;{}]*)|"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'/gi;
  const unescapeCss = (text) => (text.includes('\\') ? text.replace(/\\(?:([0-9a-f]{1,6})\s?|([^]))/gi, (_, hex, other) => (hex ? String.fromCodePoint(Math.min(parseInt(hex, 16) || 0xfffd, 0x10ffff)) : other)) : text);
  const FETCHING = /url\(|@import|image-set\(|\\/i;
  function holdCss(css, base) {
    if (!FETCHING.test(css)) return css;
    const tracked = (address) => !address.startsWith(INERT) && judge(unescapeCss(address), 'style', undefined, base);
    return css.replace(CSS, (whole, url, a, b, c, imports, d, e, set, inside) => {
      if (set) return set + inside.replace(/"([^"]*)"|'([^']*)'|url\(\s*["']?([^"')]*)/gi, (each, x, y, z) => {
        const address = x || y || z || '';
        return address && tracked(address) ? each.replace(address, INERT + address) : each;
      });
      const address = url ? a ?? b ?? c : imports ? d ?? e : '';
      if (!address || !tracked(address)) return whole;
      const start = whole.indexOf(address, (url || imports).length);
      return whole.slice(0, start) + INERT + whole.slice(start);
    });
  }
  function releaseCss(css) {
    const next = css.split(INERT).join('');
    return holdCss(next);
  }
  function judgeSheet(style) {
    const held = holdCss(style.textContent);
    if (held === style.textContent) return false;
    style.textContent = held;
    return true;
  }

  // ---- Markup given as text: only the tags that change are spliced, as in rewrite/html.py.
  const TAGS = /<!--[^]*?(?:-->|$)|<(script|style|iframe|frame|embed|object|img|input|source|video|audio|track|link|image|use|feimage|textarea|title|xmp|noembed|noframes|template|[a-z][^\s/>]*)((?:[^>"'=]|=\s*(?:"[^"]*"|'[^']*'|[^\s"'>][^\s>]*)?|["'])*)>/gi;
  function holdMarkup(html) {
    const text = String(html);
    if (!/<(?:script|iframe|frame|embed|object|img|input|source|video|audio|track|link|image|use|feimage|style|meta)[\s/>]|\bping\s*=|\bbackground\s*=|url\(/i.test(text)) return text;
    if (!/[/\\]\s*[/\\]|&|snippet|[ps]\s*:/i.test(text) && !/<script/i.test(text)) return text;
    let out = '', from = 0, found;
    TAGS.lastIndex = 0;
    while ((found = TAGS.exec(text))) {
      const name = found[1] && found[1].toLowerCase();
      if (!name) continue;
      let end = TAGS.lastIndex, inside = '';
      if (/^(?:script|style|textarea|title|xmp|noembed|noframes|iframe)$/.test(name)) {
        const close = text.slice(end).search(new RegExp('</' + name + '[\\s/>]', 'i'));
        inside = close < 0 ? text.slice(end) : text.slice(end, end + close);
      }
      const fixed = NAMES.has(name) || /ping|background|style|srcdoc/i.test(found[2]) ? holdTag(name, found[0], inside) : null;
      TAGS.lastIndex = end + inside.length;
      if (fixed) {
        out += text.slice(from, found.index) + fixed;
        from = end + inside.length;
      }
    }
    return out ? out + text.slice(from) : text;
  }
  const inert = document.implementation.createHTMLDocument('');
  // One start tag with its raw text, held if need be; null if it stays.
  function holdTag(name, tagText, inside) {
    const template = inert.createElement('template');
    innerHTML.set.call(template, trusted(window, tagText + (inside && /^(?:script|style)$/.test(name) ? inside + '</' + name + '>' : '')));
    const element = template.content.firstElementChild;
    if (!element || !judgeElement(element)) return null;
    const opening = outerHTML.get.call(element);
    const text = /^(?:script|style)$/.test(name) ? element.textContent : inside;
    const close = opening.lastIndexOf('</');
    const open = close < 0 ? opening : opening.slice(0, close - (innerHTML.get.call(element)).length);
    return open + text;
  }
  const innerHTML = Object.getOwnPropertyDescriptor(Element.prototype, 'innerHTML');
  const outerHTML = Object.getOwnPropertyDescriptor(Element.prototype, 'outerHTML');

  // ---- Replacing natives so that nobody notices: name, length and toString stay.
  const natives = new WeakMap();
  function disguise(replacement, original) {
    natives.set(replacement, original);
    for (const key of ['name', 'length']) {
      const descriptor = Object.getOwnPropertyDescriptor(original, key);
      if (descriptor) Object.defineProperty(replacement, key, descriptor);
    }
    return replacement;
  }
  function wrap(object, name, make) {
    const descriptor = object && Object.getOwnPropertyDescriptor(object, name);
    if (!descriptor || typeof descriptor.value !== 'function' || !descriptor.configurable) return;
    const original = descriptor.value;
    const made = make(original);
    // Methods have no prototype and cannot be constructed: nor may their stand-ins.
    const replacement = disguise({ [name](...given) { return made.call(this, given); } }[name], original);
    Object.defineProperty(object, name, { ...descriptor, value: replacement });
  }
  function wrapSetter(object, name, make) {
    const descriptor = object && Object.getOwnPropertyDescriptor(object, name);
    if (!descriptor || !descriptor.set || !descriptor.configurable) return;
    const holder = { set [name](value) { make.call(this, descriptor.set, value, descriptor.get); } };
    const set = disguise(Object.getOwnPropertyDescriptor(holder, name).set, descriptor.set);
    Object.defineProperty(object, name, { ...descriptor, set });
  }
  function wrapClass(realm, name, construct) {
    const original = realm[name];
    if (typeof original !== 'function') return;
    const replacement = new Proxy(original, {
      construct(target, given, fresh) {
        return construct(given, () => Reflect.construct(target, given, fresh === replacement ? target : fresh)) || Reflect.construct(target, given, fresh === replacement ? target : fresh);
      },
    });
    natives.set(replacement, original);
    // A class with two names (webkitRTCPeerConnection) is replaced under both. (To look at every name of a realm takes
    // long: the browser makes the classes when they are asked for.)
    for (const each of [name, 'webkit' + name]) {
      const known = Object.getOwnPropertyDescriptor(realm, each);
      if (known && known.value === original && known.configurable) Object.defineProperty(realm, each, { value: replacement, writable: true, configurable: true, enumerable: false });
    }
    if (original.prototype && original.prototype.constructor === original) {
      Object.defineProperty(original.prototype, 'constructor', { value: replacement, writable: true, configurable: true, enumerable: false });
    }
  }
  // A failure of ours must not become the page's: the original then does what it always did.
  function safely(step, otherwise) {
    try { return step(); } catch (error) { report('trouble', '', String(error && error.message).slice(0, 200), ''); return otherwise; }
  }

  // ---- One realm: the page's own, and every same-origin frame's.
  function arm(win) {
    if (!win || armed.has(win)) return;
    armed.add(win);
    const doc = win.document;

    wrap(win.Function.prototype, 'toString', (original) => function (given) {
      return original.apply(natives.get(this) || this, given);
    });

    // Insertion. The tree is judged before it arrives.
    const before = (object, name, pick) => wrap(object, name, (original) => function (given) {
      safely(() => { for (const node of pick(given)) if (node && node.nodeType) judgeInsertion(this, node); });
      const result = original.apply(this, given);
      safely(() => { for (const node of pick(given)) armFrames(node); });
      return result;
    });
    function judgeInsertion(parent, node) {
      if (node.nodeType !== 1 && node.nodeType !== 11) {
        if (node.nodeType === 3 && parent.localName === 'style') {
          const css = holdCss(node.data);
          if (css !== node.data) node.data = css;
          Promise.resolve().then(() => judgeSheet(parent));
        }
        if (node.nodeType === 3 && parent.localName === 'script' && parent.isConnected) judgeScriptText(parent, node.data);
        return;
      }
      judgeTree(node);
    }
    function judgeScriptText(script, text) {
      if (!runs(script) || script.hasAttribute('src')) return;
      const vendor = heldCode(script.textContent + text);
      if (vendor) { report('held', vendor, 'inline script', 'script'); holdScript(script, vendor); }
    }
    const first = (given) => given.slice(0, 1), all = (given) => given, second = (given) => given.slice(1, 2);
    for (const name of ['appendChild', 'insertBefore', 'replaceChild']) before(win.Node.prototype, name, first);
    for (const type of [win.Element, win.Document, win.DocumentFragment, win.CharacterData]) {
      for (const name of ['append', 'prepend', 'before', 'after', 'replaceWith', 'replaceChildren', 'moveBefore']) before(type.prototype, name, all);
    }
    before(win.Element.prototype, 'insertAdjacentElement', second);
    before(win.Range.prototype, 'insertNode', first);
    before(win.Range.prototype, 'surroundContents', first);
    // A clone of an image fetches at once, connected or not: what is cloned is judged before.
    wrap(win.Document.prototype, 'importNode', (original) => function (given) { safely(() => judgeTree(given[0])); return original.apply(this, given); });
    wrap(win.Document.prototype, 'adoptNode', (original) => function (given) { safely(() => judgeTree(given[0])); return original.apply(this, given); });
    wrap(win.Node.prototype, 'cloneNode', (original) => function (given) {
      if (this.ownerDocument && !this.ownerDocument.defaultView) safely(() => judgeTree(this));
      return original.apply(this, given);
    });

    // Markup as text.
    const markup = (value) => {
      const held = safely(() => holdMarkup(value), value);
      return held === String(value) ? value : trusted(win, held);
    };
    const into = (element) => !(element instanceof win.HTMLTemplateElement);
    for (const type of [win.Element, win.ShadowRoot]) {
      wrapSetter(type.prototype, 'innerHTML', function (set, value) {
        set.call(this, into(this) && this.localName !== 'style' && this.localName !== 'script' ? markup(value) : value);
        safely(() => { if (this.localName === 'style') judgeSheet(this); armFrames(this); });
      });
      for (const name of ['setHTMLUnsafe', 'setHTML']) {
        wrap(type.prototype, name, (original) => function (given) {
          const result = original.call(this, markup(given[0]), ...given.slice(1));
          safely(() => armFrames(this));
          return result;
        });
      }
    }
    wrapSetter(win.Element.prototype, 'outerHTML', function (set, value) {
      const parent = this.parentNode;
      set.call(this, markup(value));
      safely(() => armFrames(parent));
    });
    wrap(win.Element.prototype, 'insertAdjacentHTML', (original) => function (given) {
      const result = original.call(this, given[0], markup(given[1]));
      safely(() => armFrames(this.parentNode || this));
      return result;
    });
    wrap(win.Range.prototype, 'createContextualFragment', (original) => function (given) { return original.call(this, markup(given[0])); });
    let written = '';
    for (const name of ['write', 'writeln']) {
      wrap(win.Document.prototype, name, (original) => function (given) {
        const text = given.join('') + (name === 'writeln' ? '\n' : '');
        if (safely(() => late(this, text), false)) return undefined;
        // A tag that is written in pieces is judged when it is whole.
        const whole = written + text;
        const open = whole.search(/<[a-z!/][^>]*$|<(?:script|style)\b[^>]*>(?![^]*<\/(?:script|style))[^]*$/i);
        const cut = open >= 0 && whole.length - open < 100000 && this.readyState === 'loading' ? open : whole.length;
        written = whole.slice(cut);
        if (written) Promise.resolve().then(() => { const rest = written; written = ''; if (rest) original.call(this, markup(rest)); });
        if (cut) original.call(this, markup(whole.slice(0, cut)));
        safely(() => armFrames(this));
        return undefined;
      });
    }

    // Attributes and the properties that reflect them. Images, media and frames fetch when set, connected or not.
    const setting = (element, attribute, value, apply) => {
      const name = element.localName && element.localName.toLowerCase();
      const eager = name !== 'script' && name !== 'link';
      if (!FETCHES[name] && attribute !== 'background' && attribute !== 'style' && attribute !== 'srcdoc') return apply(value);
      if (attribute === 'style') return apply(FETCHING.test(value) ? safely(() => holdCss(String(value)), value) : value);
      if (attribute === 'srcdoc' && name === 'iframe') return apply(safely(() => frameDocument(String(value)), value));
      if (name === 'link' && element.isConnected && /^(?:rel|as)$/.test(attribute)) {
        safely(() => {
          const href = attribute === 'rel' && RELS.test(value) ? N.get.call(element, 'href') : null;
          const vendor = href === null ? '' : judge(href, 'link', element.getAttributeNames());
          if (vendor) hold(element, 'href', href, vendor);
        });
        const result = apply(value);
        safely(() => judgeElement(element));
        return result;
      }
      if (!eager && !element.isConnected) return apply(value);
      const vendor = safely(() => (name === 'script' && !runs(element) ? '' : judgeValue(element, name, attribute, String(value))), '');
      if (vendor) {
        safely(() => { hold(element, attribute, String(value), vendor); if (name === 'script') holdScript(element, vendor); });
        // Code that counts with a pixel before it goes on (a link followed, a form sent) must not wait for ever.
        if (name === 'img' && attribute === 'src') setTimeout(() => { if (element.hasAttribute(PREFIX + 'src')) element.dispatchEvent(new win.Event('error')); });
        return undefined;
      }
      if (element.hasAttribute(PREFIX + attribute)) unhold(element, attribute);
      return apply(DOCUMENTS[name] === attribute ? safely(() => frameAddress(value), value) : value);
    };
    function unhold(element, attribute) {
      N.remove.call(element, PREFIX + attribute);
      if (!element.getAttributeNames().some((each) => each.startsWith(PREFIX))) N.remove.call(element, MARK);
    }
    const reflected = {
      HTMLScriptElement: ['src'], HTMLImageElement: ['src', 'srcset'], HTMLSourceElement: ['src', 'srcset'], HTMLIFrameElement: ['src', 'srcdoc'],
      HTMLFrameElement: ['src'], HTMLEmbedElement: ['src'], HTMLObjectElement: ['data'], HTMLMediaElement: ['src'], HTMLVideoElement: ['poster'],
      HTMLTrackElement: ['src'], HTMLLinkElement: ['href', 'imageSrcset', 'rel', 'as'], HTMLInputElement: ['src', 'type'],
      HTMLAnchorElement: ['ping'], HTMLAreaElement: ['ping'], HTMLBodyElement: ['background'],
    };
    for (const [type, properties] of Object.entries(reflected)) {
      for (const property of properties) {
        const proto = win[type] && win[type].prototype;
        const descriptor = proto && Object.getOwnPropertyDescriptor(proto, property);
        if (!descriptor || !descriptor.set) continue;
        const attribute = property.toLowerCase();
        wrapSetter(proto, property, function (set, value) { setting(this, attribute, value, (fixed) => set.call(this, fixed)); });
        // A page that asks back gets what it set.
        const now = Object.getOwnPropertyDescriptor(proto, property);
        const holder = { get [property]() {
          const plain = descriptor.get.call(this);
          const held = plain || !this.hasAttribute ? '' : N.get.call(this, PREFIX + attribute);
          if (!held) return plain;
          const url = /^(?:src|href|data|poster)$/.test(property) ? parse(held) : null;
          return url ? url.href : held;
        } };
        Object.defineProperty(proto, property, { ...now, get: disguise(Object.getOwnPropertyDescriptor(holder, property).get, descriptor.get) });
      }
    }
    wrapSetter(win.HTMLScriptElement.prototype, 'text', scriptText);
    wrapSetter(win.Node.prototype, 'textContent', scriptText);
    wrapSetter(win.HTMLElement.prototype, 'innerText', scriptText);
    function scriptText(set, value) {
      if (this.nodeType === 2 && this.ownerElement) { setting(this.ownerElement, this.name.toLowerCase(), value, (fixed) => set.call(this, fixed)); return; }
      if (this.localName === 'script' && this.isConnected) safely(() => { if (!this.textContent) judgeScriptText(this, String(value)); });
      const sheet = this.localName === 'style' || (this.nodeType === 3 && this.parentNode && this.parentNode.localName === 'style');
      set.call(this, sheet && value !== null ? safely(() => holdCss(String(value)), value) : value);
    }
    // CSS that comes in pieces is judged once more when they are together.
    for (const name of ['appendData', 'insertData', 'replaceData']) {
      wrap(win.CharacterData.prototype, name, (original) => function (given) {
        const result = original.apply(this, given);
        if (this.parentNode && this.parentNode.localName === 'style') safely(() => judgeSheet(this.parentNode));
        return result;
      });
    }
    wrapSetter(win.CharacterData.prototype, 'data', scriptText);
    wrap(win.Element.prototype, 'setAttribute', (original) => function (given) {
      if (given.length < 2) return original.apply(this, given);
      return setting(this, String(given[0]).toLowerCase(), given[1], (value) => original.call(this, given[0], value));
    });
    wrap(win.Element.prototype, 'setAttributeNS', (original) => function (given) {
      if (given.length < 3) return original.apply(this, given);
      const name = String(given[1]).toLowerCase();
      const attribute = given[0] === 'http://www.w3.org/1999/xlink' ? 'xlink:' + name.split(':').pop() : name;
      return setting(this, attribute, given[2], (value) => original.call(this, given[0], given[1], value));
    });
    const owners = new WeakMap();
    const map = Object.getOwnPropertyDescriptor(win.Element.prototype, 'attributes');
    const mapHolder = { get attributes() { const found = map.get.call(this); owners.set(found, this); return found; } };
    Object.defineProperty(win.Element.prototype, 'attributes', { ...map, get: disguise(Object.getOwnPropertyDescriptor(mapHolder, 'attributes').get, map.get) });
    for (const [object, name] of [[win.Element.prototype, 'setAttributeNode'], [win.Element.prototype, 'setAttributeNodeNS'],
      [win.NamedNodeMap.prototype, 'setNamedItem'], [win.NamedNodeMap.prototype, 'setNamedItemNS']]) {
      wrap(object, name, (original) => function (given) {
        const node = given[0], element = this.nodeType === 1 ? this : owners.get(this) || null;
        if (node && node.name && element && (FETCHES[element.localName] || node.name === 'style')) {
          const value = node.value;
          let result = null;
          setting(element, node.name.toLowerCase(), value, (fixed) => { if (fixed !== value) node.value = fixed; result = original.apply(this, given); });
          return result;
        }
        const result = original.apply(this, given);
        if (!element && node && node.ownerElement) safely(() => judgeElement(node.ownerElement));
        return result;
      });
    }
    for (const [object, name] of [[win.Attr.prototype, 'value'], [win.Node.prototype, 'nodeValue']]) {
      wrapSetter(object, name, function (set, value) {
        scriptText.call(this, set, value);
      });
    }
    wrapSetter(win.SVGAnimatedString && win.SVGAnimatedString.prototype, 'baseVal', function (set, value) {
      set.call(this, safely(() => judge(value, 'image'), '') ? '' : value);
    });

    // CSS objects.
    const sheet = (given, index) => given.map((each, position) => (position === index && typeof each === 'string' ? safely(() => holdCss(each), each) : each));
    wrap(win.CSSStyleSheet.prototype, 'insertRule', (original) => function (given) { return original.apply(this, sheet(given, 0)); });
    wrap(win.CSSStyleSheet.prototype, 'addRule', (original) => function (given) { return original.apply(this, sheet(given, 1)); });
    wrap(win.CSSStyleSheet.prototype, 'replace', (original) => function (given) { return original.apply(this, sheet(given, 0)); });
    wrap(win.CSSStyleSheet.prototype, 'replaceSync', (original) => function (given) { return original.apply(this, sheet(given, 0)); });
    if (win.CSSGroupingRule) wrap(win.CSSGroupingRule.prototype, 'insertRule', (original) => function (given) { return original.apply(this, sheet(given, 0)); });
    const declaration = win.CSSStyleDeclaration.prototype;
    wrap(declaration, 'setProperty', (original) => function (given) { return original.apply(this, sheet(given, 1)); });
    wrapSetter(declaration, 'cssText', function (set, value) { set.call(this, sheet([value], 0)[0]); });
    const properties = ['background', 'backgroundImage', 'borderImage', 'borderImageSource', 'content', 'cursor', 'filter', 'listStyle', 'listStyleImage', 'mask', 'maskImage', 'clipPath', 'shapeOutside', 'backdropFilter', 'src', 'offsetPath', 'webkitMaskImage', 'webkitMask', 'webkitMaskBoxImage', 'webkitMaskBoxImageSource'];
    const styles = win.CSSStyleProperties ? win.CSSStyleProperties.prototype : declaration;
    for (const property of properties) for (const object of [styles, declaration]) {
      if (Object.getOwnPropertyDescriptor(object, property)) wrapSetter(object, property, function (set, value) { set.call(this, sheet([value], 0)[0]); });
    }
    // Older Chromium keeps them where no descriptor shows: an accessor on the prototype comes before those.
    const setProperty = N.setProperty, getPropertyValue = declaration.getPropertyValue;
    for (const property of styles === declaration ? properties : []) {
      if (!(property in doc.documentElement.style) || Object.getOwnPropertyDescriptor(declaration, property)) continue;
      const name = property.replace(/^webkit/, '-webkit').replace(/[A-Z]/g, (letter) => '-' + letter.toLowerCase());
      for (const each of new Set([property, name])) Object.defineProperty(declaration, each, {
        get() { return getPropertyValue.call(this, name); },
        set(value) { setProperty.call(this, name, value === null ? '' : sheet([String(value)], 0)[0]); },
        enumerable: true, configurable: true,
      });
    }
    const frames = (value) => (typeof value === 'string' ? holdCss(value) : Array.isArray(value) ? value.map(frames)
      : value && Object.getPrototypeOf(value) === win.Object.prototype ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, frames(each)])) : value);
    wrap(win.Element.prototype, 'animate', (original) => function (given) { return original.call(this, safely(() => frames(given[0]), given[0]), ...given.slice(1)); });
    for (const name of ['set', 'append']) {
      wrap(win.StylePropertyMap && win.StylePropertyMap.prototype, name, (original) => function (given) { return original.apply(this, given.map((each, index) => (index ? sheet([each], 0)[0] : each))); });
    }
    wrapClass(win, 'Audio', (given, make) => {
      const vendor = given.length && safely(() => judge(given[0], 'audio'), '');
      if (!vendor) return undefined;
      const address = String(given[0]);
      given.length = 0;
      const audio = make();
      hold(audio, 'src', address, vendor);
      return audio;
    });
    wrap(win.Worklet && win.Worklet.prototype, 'addModule', (original) => function (given) {
      return safely(() => judge(given[0], 'script'), '') ? win.Promise.resolve() : original.apply(this, given);
    });
    if (win.Cache) {
      const wanted = (each) => (each instanceof win.Request ? each.url : String(each));
      wrap(win.Cache.prototype, 'add', (original) => function (given) { return safely(() => judge(wanted(given[0]), 'empty'), '') ? win.Promise.resolve() : original.apply(this, given); });
      wrap(win.Cache.prototype, 'addAll', (original) => function (given) {
        return original.call(this, safely(() => [...given[0]].filter((each) => !judge(wanted(each), 'empty')), given[0]));
      });
    }
    wrapClass(win, 'FontFace', (given, make) => {
      const held = sheet(given, 1);
      if (held[1] !== given[1]) { given[1] = held[1]; }
      return make();
    });

    // Requests that need no element.
    const nothing = () => new win.Response(null, { status: 204, statusText: 'Held by Consentry' });
    wrap(win, 'fetch', (original) => function (given) {
      const input = given[0], request = input instanceof win.Request || input instanceof Request;
      // What is judged is what is sent: an object may turn into another string the next time.
      if (given.length && !request && typeof input === 'object' && input) given[0] = String(input);
      const url = request ? input.url : safely(() => String(given[0]), '');
      const way = routed(url, (given[1] && given[1].method) || (request ? input.method : 'GET'));
      if (way) {
        // What a relative address means may change while we wait.
        if (!request) given[0] = way.url.href;
        const go = () => safely(() => router.fetch(way, original, this, given)) || win.Promise.resolve(nothing());
        if (router) return go();
        if (!core.whole() || !given[1] || !given[1].keepalive) return comes().then(go, () => (core.whole() ? original.apply(this, given) : nothing()));
      }
      if (safely(() => judge(url, 'empty'), '')) return win.Promise.resolve(nothing());
      return original.apply(this, given);
    });
    if (win.fetchLater) wrap(win, 'fetchLater', (original) => function (given) {
      if (safely(() => judge(given[0] && given[0].url ? given[0].url : String(given[0]), 'empty'), '')) return { activated: false };
      return original.apply(this, given);
    });
    wrap(win.XMLHttpRequest.prototype, 'open', (original) => function (given) {
      const way = given.length > 1 ? routed(given[1], given[0]) : null;
      if (ways.has(this)) for (const name of ['response', 'responseText']) delete this[name];
      ways.set(this, way && { ...way, sync: given[2] === false });
      if (way) return original.apply(this, given);
      if (given.length > 1 && safely(() => judge(given[1], 'empty'), '')) return original.apply(this, ['GET', 'data:,', ...given.slice(2, 3)]);
      return original.apply(this, given);
    });
    wrap(win.XMLHttpRequest.prototype, 'send', (original) => function (given) {
      const way = ways.get(this);
      if (!way) return original.apply(this, given);
      const mine = (step) => (...fresh) => { if (ways.get(this) === way) step(...fresh); };
      const refuse = mine(() => { N.open.call(this, 'GET', 'data:,', !way.sync); original.call(this); });
      const go = () => router.send(way, this, given[0], mine((fresh) => original.call(this, fresh)), refuse);
      if (router) return go();
      const otherwise = () => (core.whole() ? original.apply(this, given) : refuse());
      return way.sync ? otherwise() : void comes().then(go, mine(otherwise));
    });
    wrap(win.Navigator.prototype, 'sendBeacon', (original) => function (given) {
      const way = routed(given[0], 'POST');
      if (way) {
        const body = given[1] ?? undefined, go = (found) => (found === null || original.call(this, way.url.href, found));
        const fresh = router ? router.filtered(way, body) : core.whole() ? body : comes().then(() => router.filtered(way, body));
        return fresh && typeof fresh.then === 'function' ? (fresh.then(go, () => {}), true) : go(fresh);
      }
      if (safely(() => judge(given[0], 'ping'), '')) return true;
      return original.apply(this, given);
    });
    const closed = (type, url) => {
      const socket = new win.EventTarget();
      Object.setPrototypeOf(socket, Object.create(win[type].prototype, Object.getOwnPropertyDescriptors(win.EventTarget.prototype)));
      const facts = { url: String(url), readyState: win[type].CLOSED ?? 2, protocol: '', extensions: '', bufferedAmount: 0, binaryType: 'blob', withCredentials: false, onopen: null, onmessage: null, onerror: null, onclose: null };
      for (const [key, value] of Object.entries(facts)) Object.defineProperty(socket, key, { value, writable: true, configurable: true });
      for (const name of ['send', 'close']) Object.defineProperty(socket, name, { value() {}, configurable: true });
      setTimeout(() => {
        const happened = [new win.Event('error')];
        if (type === 'WebSocket') happened.push(new win.CloseEvent('close', { code: 1006 }));
        for (const event of happened) { socket.dispatchEvent(event); const handler = socket['on' + event.type]; if (typeof handler === 'function') handler.call(socket, event); }
      });
      return socket;
    };
    for (const type of ['WebSocket', 'EventSource']) {
      wrapClass(win, type, (given, make) => (safely(() => judge(given[0], type === 'WebSocket' ? 'websocket' : 'empty'), '') ? closed(type, given[0]) : make()));
    }
    wrapClass(win, 'WebTransport', (given, make) => {
      if (!safely(() => judge(given[0], 'webtransport'), '')) return make();
      throw new win.DOMException('Held by Consentry', 'NetworkError');
    });
    wrapClass(win, 'RTCPeerConnection', (given, make) => {
      safely(() => {
        const servers = given[0] && given[0].iceServers;
        if (!servers) return;
        const tracked = (url) => judge(String(url).replace(/^(?:stun|turn)s?:/, 'https://').replace(/^(https:\/\/[^?]*).*/, '$1'), 'webrtc');
        const kept = servers.filter((each) => ![].concat(each.urls || each.url || []).some(tracked));
        if (kept.length !== servers.length) given[0] = { ...given[0], iceServers: kept };
      });
      return make();
    });

    // Workers: the ones whose script does not pass the proxy get the guard put before it here.
    for (const type of ['Worker', 'SharedWorker']) {
      wrapClass(win, type, (given, make) => {
        safely(() => {
          const url = parse(given[0], doc.baseURI);
          if (!url || !/^(?:blob|data):/.test(url.protocol)) return;
          const module = given[1] && given[1].type === 'module';
          const code = consentryWorker({ ...state, consent: at.consent }, home, url.href, module);
          given[0] = win.URL.createObjectURL(new win.Blob([code], { type: 'text/javascript' }));
        });
        return make();
      });
    }

    wrap(win.ServiceWorkerContainer && win.ServiceWorkerContainer.prototype, 'register', (original) => function (given) {
      safely(() => {
        const script = parse(given[0], doc.baseURI), scope = parse((given[1] && given[1].scope) || './', given[1] && given[1].scope ? doc.baseURI : script.href);
        if (scope.pathname === '/' && !script.pathname.startsWith(state.base)) hasWorker = true;
      });
      return original.apply(this, given);
    });

    // Navigations of frames and windows, and forms.
    wrap(win, 'open', (original) => function (given) {
      if (given[0] && safely(() => judge(given[0], 'document'), '')) return null;
      const opened = original.apply(this, given);
      safely(() => { if (opened && opened.document && opened.location.href === 'about:blank') arm(opened); });
      return opened;
    });
    // A frame that is led elsewhere, by whatever leads it; an about:blank that was never left tells nobody.
    if (win.parent !== win && win.navigation) win.navigation.addEventListener('navigate', (event) => {
      if (!event.cancelable || !safely(() => judge(event.destination.url, 'iframe'), '')) return;
      event.preventDefault();
      const address = event.destination.url;
      led.set(win, () => { if (!judge(address, 'iframe')) { led.delete(win); win.location.replace(address); } });
    });
    // A link that the visitor follows leads where it says; one that a script follows, or that fills a frame, is a request.
    doc.addEventListener('click', (event) => safely(() => {
      const link = event.composedPath().find((each) => each.href && (each.localName === 'a' || each.localName === 'area'));
      if (!link) return;
      const name = String(link.target || '');
      const fills = name && !/^_(?:self|blank|top|parent)$/i.test(name) && [...N.query.call(doc, 'iframe[name],frame[name]')].some((each) => each.name === name);
      if ((fills || !event.isTrusted) && judge(String(link.href), 'document')) event.preventDefault();
    }), true);
    // (A router's events in a form are not filtered.)
    const heldForm = (form, submitter) => safely(() => {
      const address = (submitter && submitter.getAttribute('formaction')) || form.getAttribute('action') || '', way = routed(address, 'POST');
      return judge(address, 'document') || (way && !way.stranger && Object.values(core.truth()).includes(false));
    }, '');
    doc.addEventListener('submit', (event) => {
      if (heldForm(event.target, event.submitter)) event.preventDefault();
    }, true);
    wrap(win.HTMLFormElement.prototype, 'submit', (original) => function (given) {
      return heldForm(this) ? undefined : original.apply(this, given);
    });

    // Cookies and storage of catalogued names.
    const cookie = Object.getOwnPropertyDescriptor(win.Document.prototype, 'cookie');
    const holder = { set cookie(value) {
      const name = String(value).split(';')[0].split('=')[0].trim();
      const vendor = safely(() => (/;\s*(?:max-age\s*=\s*(?:0|-)|expires\s*=[^;]*1970)/i.test(value) ? '' : core.heldCookie(name)), '');
      if (vendor) { report('held', vendor, 'cookie ' + name, 'cookie'); return; }
      cookie.set.call(this, value);
      if (state.cookies.includes(name)) safely(notice);
      else if (core.named(WATCHED.cookies, name)) safely(inquire);
    } };
    Object.defineProperty(win.Document.prototype, 'cookie', { ...cookie, set: disguise(Object.getOwnPropertyDescriptor(holder, 'cookie').set, cookie.set) });
    if (win.CookieStore) wrap(win.CookieStore.prototype, 'set', (original) => function (given) {
      const name = typeof given[0] === 'object' && given[0] ? given[0].name : given[0];
      const vendor = safely(() => core.heldCookie(String(name)), '');
      if (!vendor) return original.apply(this, given);
      report('held', vendor, 'cookie ' + name, 'cookie');
      return win.Promise.resolve();
    });
    wrap(win.Storage.prototype, 'setItem', (original) => function (given) {
      const area = safely(() => (this === win.sessionStorage ? 'session' : 'local'), 'local');
      const vendor = safely(() => core.heldStorage(String(given[0]), area), '');
      if (!vendor) {
        const result = original.apply(this, given);
        if (area === 'local' && core.named(WATCHED.storage, String(given[0]))) safely(inquire);
        return result;
      }
      report('held', vendor, 'storage ' + given[0], 'storage');
      return undefined;
    });
    wrap(win.Storage.prototype, 'removeItem', (original) => function (given) {
      const result = original.apply(this, given);
      if (core.named(WATCHED.storage, String(given[0]))) safely(inquire);
      return result;
    });

    // Shadow trees are watched like the document: what comes by a way not thought of is held before it is painted.
    wrap(win.Element.prototype, 'attachShadow', (original) => function (given) {
      const root = original.apply(this, given);
      safely(() => watch(root));
      return root;
    });
    for (const [type, names] of [[win.HTMLIFrameElement, ['contentWindow', 'contentDocument']], [win.HTMLFrameElement, ['contentWindow', 'contentDocument']], [win.HTMLObjectElement, ['contentWindow', 'contentDocument']]]) {
      for (const name of names) {
        const descriptor = type && Object.getOwnPropertyDescriptor(type.prototype, name);
        if (!descriptor || !descriptor.get) continue;
        const reader = { get [name]() {
          const value = descriptor.get.call(this);
          safely(() => { if (value) armWindow(name === 'contentWindow' ? value : value.defaultView); });
          return value;
        } };
        Object.defineProperty(type.prototype, name, { ...descriptor, get: disguise(Object.getOwnPropertyDescriptor(reader, name).get, descriptor.get) });
      }
    }
    watch(doc);
  }

  function armWindow(win) {
    try { if (win && win.document && win.location.href !== undefined) arm(win); } catch (error) { /* another origin's: the wire and its own page answer for it */ }
  }
  function armFrames(node) {
    if (!node || !node.querySelectorAll) return;
    const frames = node.localName === 'iframe' || node.localName === 'frame' ? [node] : node.firstElementChild || node.nodeType === 9 ? N.query.call(node, 'iframe,frame,object') : [];
    for (const frame of frames) if (frame.isConnected) armWindow(frame.contentWindow);
  }
  // A frame's document given as text gets the guard, like any document.
  function frameDocument(text) {
    const held = holdMarkup(text);
    const guard = '<script src="' + source.replace(/&/g, '&amp;').replace(/"/g, '&quot;') + '" data-consentry-runtime data-consentry-state="' +
      JSON.stringify({ ...state, consent: at.consent }).replace(/&/g, '&amp;').replace(/"/g, '&quot;') + '"' + (nonce ? ' nonce="' + nonce + '"' : '') + '></script>';
    return text.includes('data-consentry-runtime') ? held : /<head[\s>]/i.test(held) ? held.replace(/<head(?:\s[^>]*)?>/i, (head) => head + guard) : /^\s*<!doctype[^>]*>/i.test(held) ? held.replace(/^\s*<!doctype[^>]*>/i, (type) => type + guard) : guard + held;
  }
  // So does one that stands in an address: data: and blob: documents are their own origin's or nobody's.
  // What was looked at once is not read again: our own, and what is no document, however large.
  const seenAddresses = new Set();
  function frameAddress(reference) {
    const text = String(reference).trim();
    if (!/^(?:data|blob):/i.test(text) || seenAddresses.has(text)) return reference;
    const { type, body } = textOf(text);
    if (seenAddresses.size > 200) seenAddresses.clear();
    if (!/^\s*(?:text\/html|application\/xhtml\+xml)\b/i.test(type)) { seenAddresses.add(text); return reference; }
    const html = frameDocument(body);
    const address = /^data:/i.test(text) ? 'data:text/html;charset=utf-8,' + encodeURIComponent(html)
      : N.URL.createObjectURL(new Blob([html], { type: type.split(';')[0] + ';charset=utf-8' }));
    seenAddresses.add(address);
    return address;
  }
  // What a data: or blob: address holds, as text.
  function textOf(address) {
    const request = new XMLHttpRequest();
    N.open.call(request, 'GET', address, false);
    try { request.send(); } catch (error) { return { type: '', body: '' }; }
    return { type: request.getResponseHeader('content-type') || '', body: request.responseText };
  }
  // The vendor of an address that a text names, or ''.
  function mentions(text) {
    for (const [address] of text.matchAll(/https?:(?:\\?\/){2}[^\s"'`<>\\)]+/gi)) {
      const vendor = judge(address.replace(/\\/g, ''), 'document');
      if (vendor) return vendor;
    }
    return '';
  }
  function armDocument(frame, text) {
    const armedText = frameDocument(text);
    if (armedText !== text) N.set.call(frame, 'srcdoc', armedText);
  }
  let policy;
  function trusted(win, text, make = 'createHTML') {
    if (!win.trustedTypes) return text;
    try { policy = policy || win.trustedTypes.createPolicy('consentry', { createHTML: (html) => html, createScript: (code) => code, createScriptURL: (url) => url }); return policy[make](text); } catch (error) { return text; }
  }

  // ---- Stubs.
  const stubbed = new Set();
  function installStubs(names) {
    core.prepare('vendor', names.split(' '));
    for (const name of names.split(' ')) {
      const stub = Object.prototype.hasOwnProperty.call(CODE, name) && CODE[name][0];
      if (!stub || stubbed.has(name)) continue;
      stubbed.add(name);
      try { stub.call(window); } catch (error) { console.warn('Consentry: the stub of ' + name + ' failed', error); }
    }
  }

  // The rewriter opens closed shadow roots of the markup, so that what is held in them can be released.
  function closeAgain(host, sign) {
    if (!sign || sign.nodeType !== 8 || sign.data !== 'consentry:closed') return;
    sign.remove();
    Object.defineProperty(host, 'shadowRoot', { value: null, configurable: true });
  }

  // ---- Watching. Mutation callbacks are microtasks, and the parser empties that queue before each script it
  // runs: a stub is in place where the vendor's own snippet would have put its global.
  const heldScripts = (node) => (node.localName === 'script' ? [node] : node.firstElementChild ? N.query.call(node, 'script[type="' + TYPE + '"]') : []);
  function watch(root) {
    const observer = new MutationObserver((records) => {
      // What one part of a document needs to know is asked in one go.
      safely(() => {
        const held = records.flatMap((record) => [...record.addedNodes]).filter((node) => node.nodeType === 1).flatMap((node) => [...heldScripts(node)]).filter((script) => script.type === TYPE);
        core.prepare('vendor', [...new Set(held.flatMap((script) => (N.get.call(script, MARK) || '').split(' ')))]);
      });
      for (const record of records) {
        if (record.type === 'attributes') {
          if (record.attributeName === 'style') safely(() => judgeElement(record.target));
          continue;
        }
        for (const node of record.addedNodes) safely(() => {
          if (node.nodeType === 8 && record.target.host) closeAgain(record.target.host, node);
          if (node.nodeType === 3 && node.parentNode && node.parentNode.localName === 'style') judgeSheet(node.parentNode);
          if (node.nodeType !== 1) return;
          const scripts = heldScripts(node);
          for (const script of scripts) if (script.type === TYPE) installStubs(N.get.call(script, MARK) || '');
          judgeTree(node);
          armFrames(node);
          if (node.shadowRoot) { watch(node.shadowRoot); closeAgain(node, node.shadowRoot.firstChild); }
        });
      }
    });
    observer.observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ['style'] });
    if (root.nodeType === 11) shadows.push(root);
  }

  // ---- Release.
  let releasing = Promise.resolve();
  const writers = new WeakMap();
  // The attribute that a held one was. (XML knows no name with two colons, so there one is a hyphen.)
  const plainName = (held) => held.slice(PREFIX.length).replace(/^xlink-/, 'xlink:');
  function put(element, attribute, value) {
    if (attribute === 'xlink:href') N.setNS.call(element, 'http://www.w3.org/1999/xlink', attribute, value);
    else N.set.call(element, attribute, value);
  }
  const still = (element, attribute, value) => {
    const name = element.localName.toLowerCase();
    return judgeValue(element, name, attribute, value);
  };
  function release() {
    const scripts = [], deferred = [];
    for (const root of [document, ...roots()]) for (const element of N.query.call(root, '[' + MARK + ']')) {
      if (element.localName === 'script') {
        if (element.type !== TYPE) continue;
        const kind = (N.get.call(element, PREFIX + 'type') || '').trim().toLowerCase();
        const external = element.hasAttribute(PREFIX + 'src');
        const later = (kind === 'module' && !element.hasAttribute('async')) || (external && element.hasAttribute('defer') && !element.hasAttribute('async'));
        (later ? deferred : scripts).push(element);
      } else safely(() => restore(element));
    }
    safely(() => {
      for (const root of [document, ...roots()]) {
        for (const style of N.query.call(root, 'style')) if (style.textContent.includes(INERT)) { const css = releaseCss(style.textContent); if (css !== style.textContent) style.textContent = css; }
        for (const name of ['style', ...PAINT]) for (const element of N.query.call(root, `[${name}*="${INERT}"]`)) { const css = N.get.call(element, name), next = releaseCss(css); if (next !== css) N.set.call(element, name, next); }
      }
    });
    safely(reloadSheets);
    for (const rules of N.query.call(document, 'script[type="speculationrules"]')) safely(() => {
      if (!rules.textContent.includes(INERT)) return;
      const fresh = document.createElement('script');
      fresh.type = 'speculationrules';
      if (nonce) fresh.nonce = nonce;
      fresh.textContent = rules.textContent.split(INERT).join('');
      judgeMap(fresh);
      if (fresh.textContent !== rules.textContent) rules.replaceWith(fresh);
    });
    for (const lead of [...led.values()]) safely(lead);
    // A frame in which no script of ours can run is shown anew.
    for (const frame of N.query.call(document, 'iframe[src]')) safely(() => {
      const silent = frame.sandbox && frame.hasAttribute('sandbox') && !frame.sandbox.contains('allow-scripts');
      const type = silent ? '' : frame.contentDocument && frame.contentDocument.contentType;
      if ((silent && parse(frame.src).origin === location.origin) || /^(?:text|application)\/xml$/.test(type || '')) frame.src = frame.getAttribute('src');
    });
    releasing = releasing.then(async () => {
      for (const element of [...scripts, ...deferred]) await safely(() => runScript(element));
    }).then(() => emit('released'));
    return releasing;
  }
  const roots = () => shadows.filter((root) => root.host && root.host.isConnected);
  // A style sheet of the site's own was held on its way: the proxy sends it whole now.
  function reloadSheets() {
    for (const sheet of [...document.styleSheets]) {
      const link = sheet.ownerNode;
      if (!link || link.localName !== 'link' || !sheet.href) continue;
      let held = false;
      try { held = [...sheet.cssRules].some((rule) => rule.cssText.includes(INERT)); } catch (error) { continue; }
      if (!held) continue;
      const fresh = link.cloneNode(false);
      fresh.addEventListener('load', () => link.remove(), { once: true });
      link.after(fresh);
    }
  }
  function reportReleased(element, address, kind) {
    const url = parse(address), vendors = N.get.call(element, MARK);
    if (vendors && kind) report('released', vendors, address === 'inline script' || !url ? address : url.href, kind);
  }
  function restore(element) {
    const names = element.getAttributeNames().filter((name) => name.startsWith(PREFIX));
    for (const held of names) {
      const attribute = plainName(held), value = N.get.call(element, held);
      if (attribute !== 'srcdoc' && still(element, attribute, value)) continue;
      reportReleased(element, value, kindOf(element, element.localName.toLowerCase(), attribute));
      N.remove.call(element, held);
      put(element, attribute, attribute === 'srcdoc' ? frameDocument(value) : value);
    }
    if (!element.getAttributeNames().some((name) => name.startsWith(PREFIX))) N.remove.call(element, MARK);
    const parent = element.parentNode;
    // Media looks for its sources again, and a link at its candidates, only when told to.
    if (element.localName === 'source' && parent && typeof parent.load === 'function' && !parent.hasAttribute('src')) parent.load();
    if (element.localName === 'link' && element.hasAttribute('imagesrcset') && parent) parent.insertBefore(element, element.nextSibling);
  }
  // Run a held script where it stands, as what it is: the element stays the same, so its listeners stay too.
  function runScript(element) {
    if (!element.isConnected || element.type !== TYPE) return undefined;
    const held = ['src', 'href', 'xlink-href', 'xlink:href'].map((each) => PREFIX + each).find((each) => element.hasAttribute(each));
    const external = held !== undefined, address = external && N.get.call(element, held);
    if (external ? judge(address, 'script', namesOf(element)) : heldCode(element.textContent)) return undefined;
    const kind = N.get.call(element, PREFIX + 'type');
    const waits = external && !element.hasAttribute('async');
    reportReleased(element, external ? address : 'inline script', 'script');
    if (kind === null) N.remove.call(element, 'type'); else N.set.call(element, 'type', kind);
    N.remove.call(element, PREFIX + 'type');
    N.remove.call(element, MARK);
    writers.set(element, element);
    if (waits) element.async = false;
    const done = new Promise((resolve) => {
      if (!waits && !(kind || '').includes('module')) return resolve();
      if (!external) return resolve();
      element.addEventListener('load', resolve, { once: true });
      element.addEventListener('error', resolve, { once: true });
      return undefined;
    });
    if (external) {
      N.remove.call(element, held);
      put(element, plainName(held), address);
    } else {
      // A change of its children makes a script that has not started run now.
      N.append.call(element, document.createTextNode(''));
    }
    return done;
  }
  const namesOf = (element) => element.getAttributeNames().map((name) => (name.startsWith(PREFIX) ? plainName(name) : name));
  // document.write by a script that runs after the parser has passed it: to where it stands, not over the page.
  function late(doc, text) {
    const script = doc.currentScript;
    if (!script || !writers.has(script) || doc.readyState === 'loading') return false;
    const range = doc.createRange();
    const after = writers.get(script);
    range.setStartAfter(after);
    const fragment = range.createContextualFragment(text);
    const last = fragment.lastChild;
    after.parentNode.insertBefore(fragment, after.nextSibling);
    if (last) writers.set(script, last);
    return true;
  }

  // ---- Withdrawal.
  function withdraw() {
    const names = cookies().split('; ').map((pair) => pair.split('=')[0]).filter(Boolean);
    core.prepare('cookie', names);
    for (const name of names) if (core.heldCookie(name)) expire(name);
    for (const [area, storage] of [['local', () => localStorage], ['session', () => sessionStorage]]) {
      safely(() => {
        const store = storage();
        core.prepare('key', Object.keys(store));
        for (const key of Object.keys(store)) if (core.heldStorage(key, area)) store.removeItem(key);
      });
    }
    safely(() => {
      if (!indexedDB.databases) return;
      indexedDB.databases().then((all) => { for (const { name } of all) if (core.heldStorage(name, 'indexeddb')) indexedDB.deleteDatabase(name); }, () => {});
    });
    // What stands in the page and would fetch again is taken back.
    for (const element of N.query.call(document, 'iframe[src],embed,object[data],link[href],img')) safely(() => judgeElement(element));
  }
  function expire(name) {
    const hosts = [''], parts = location.hostname.split('.');
    for (let index = 0; index < parts.length; index++) hosts.push('; domain=' + parts.slice(index).join('.'));
    const paths = ['/'], segments = location.pathname.split('/').filter(Boolean);
    let path = '';
    for (const segment of segments) { path += '/' + segment; paths.push(path, path + '/'); }
    for (const domain of hosts) for (const each of paths) for (const extra of ['', '; secure; partitioned']) {
      N.cookie.set.call(document, name + '=; max-age=0; path=' + each + domain + extra);
    }
  }

  // ---- Consent: noticed where it is written, and told to everyone whom it concerns.
  const same = (a, b) => said(a) === said(b);
  const said = (consent) => JSON.stringify([sorted(consent.categories), sorted(consent.vendors), sorted(consent.implied), sorted(consent.refused), !!consent.gpc]);
  const sorted = (object) => Object.entries(object || {}).sort();
  // A sandboxed document has no cookies: it hears of changes from the page around it.
  const opaque = location.origin === 'null' || self.origin === 'null';
  const cookies = () => (opaque ? '' : N.cookie.get.call(document));
  const readCookie = () => {
    const said = core.read(cookies());
    // Our own cookie is the whole answer; where it says nothing, what was read elsewhere still counts.
    return { implied: at.consent.implied, refused: said.signal === 'none' ? at.consent.refused : {}, ...said };
  };
  // A page that a worker of the site's own has kept was judged long ago: what is said now counts.
  const keeper = safely(() => navigator.serviceWorker && navigator.serviceWorker.controller);
  const kept = !!keeper && !keeper.scriptURL.includes(state.base);
  if (kept && readCookie().signal !== 'none') at.consent = readCookie();
  // A consent cookie that scripts may not read says nothing here: then only a choice that can be read counts.
  const unreadable = !same(readCookie(), at.consent);
  function notice() {
    const said = readCookie();
    if (!unreadable || said.signal !== 'none') change(said, true);
  }
  function change(consent, tell) {
    const ran = Object.keys(CODE).filter((id) => CODE[id][1] && !core.heldVendor(id));
    const news = !same(consent, at.consent), reroute = router && news && safely(() => router.changes());
    // The same may now be said somewhere else.
    at.consent = consent;
    if (!news) return;
    forget();
    seen.clear();
    for (const id of ran) if (core.heldVendor(id)) safely(() => CODE[id][1].call(window));
    withdraw();
    release();
    if (reroute) safely(reroute);
    tellFrames();
    if (tell) {
      channel && channel.postMessage({ consent });
      toWorkers();
      if (tell !== 'asked') safely(() => N.fetch.call(window, home + 'consent', { method: 'POST', body: JSON.stringify({ consent }), keepalive: true, credentials: 'same-origin' }).catch(() => {}));
    }
    emit('change');
  }
  function emit(name) {
    for (const listener of [...listeners]) if (listener[0] === name) safely(() => listener[1](api.get()));
    safely(() => document.dispatchEvent(new CustomEvent('consentry:' + name, { detail: api.get() })));
  }
  const channel = typeof BroadcastChannel === 'function' ? new BroadcastChannel('consentry') : null;
  if (channel) channel.onmessage = (event) => { if (event.data && event.data.consent) change(event.data.consent, false); };
  safely(() => { if (window.cookieStore) cookieStore.addEventListener('change', (event) => {
    const names = [...event.changed, ...event.deleted].map((each) => each.name);
    if (names.some((name) => state.cookies.includes(name))) notice();
    if (names.some((name) => core.named(WATCHED.cookies, name))) inquire();
  }); });
  addEventListener('pageshow', (event) => { if (event.persisted) { notice(); inquire(); } });
  addEventListener('storage', (event) => { if (event.key === null || core.named(WATCHED.storage, event.key)) inquire(); });

  // ---- A consent platform's choice is read by the proxy: the cookies go with the question, and what only the page
  // can see goes in it. While the visitor clicks the answer is waited for, so that the platform's own next step
  // already finds it; else it comes when it comes.
  let asked = '', asking = 0;
  function inquire() {
    if (opaque) return;
    const question = { ask: true, storage: {}, pages: {} };
    safely(() => { for (const key of Object.keys(localStorage)) if (core.named(WATCHED.storage, key)) question.storage[key] = String(N.item.call(localStorage, key)).slice(0, 32768); });
    for (const [platform, path] of Object.entries(WATCHED.pages)) {
      const found = safely(() => called(path, []));
      if (found && typeof found === 'object') question.pages[platform] = found;
    }
    let body = '';
    try { body = JSON.stringify(question); } catch (error) { body = JSON.stringify({ ...question, pages: {} }); }
    const key = cookies().replace(/consentry-told=[^;]*;?/, '') + body;
    if (key === asked || body.length > 60000) return;
    asked = key;
    const mine = ++asking, take = (answer) => { if (mine === asking && answer && answer.categories) change(answer, 'asked'); };
    if (navigator.userActivation && navigator.userActivation.isActive) {
      const request = new XMLHttpRequest();
      N.open.call(request, 'POST', home + 'consent', false);
      try { request.send(body); } catch (error) { asked = ''; return; }
      if (request.status === 200) take(JSON.parse(request.responseText));
      return;
    }
    N.fetch.call(window, home + 'consent', { method: 'POST', body, credentials: 'same-origin' })
      .then((answer) => (answer.ok ? answer.json() : null)).then(take).catch(() => { asked = ''; });
  }
  // Call 'a.b().c' with arguments; undefined while it is not there.
  function called(path, given) {
    const names = path.split('.'), last = names.pop();
    let object = window;
    for (const name of names) {
      object = name.endsWith('()') ? object && object[name.slice(0, -2)]() : object && object[name];
      if (object === undefined || object === null) return undefined;
    }
    const found = object[last.replace(/\(\)$/, '')];
    return typeof found === 'function' ? found.apply(object, given) : given.length ? undefined : found;
  }
  const withCallback = (given) => (given === '$callback' ? () => { safely(inquire); } : Array.isArray(given) ? given.map(withCallback)
    : given && typeof given === 'object' ? Object.fromEntries(Object.entries(given).map(([name, each]) => [name, withCallback(each)])) : given);
  for (const [where, name] of WATCHED.events) (where === 'window' ? window : document).addEventListener(name, () => safely(inquire));
  addEventListener('load', () => {
    for (const [path, given] of WATCHED.calls) safely(() => called(path, withCallback(given)));
    if (WATCHED.layer.length) safely(() => {
      const layer = window.dataLayer, push = layer && layer.push;
      if (typeof push === 'function') layer.push = function (...entries) {
        const result = push.apply(this, entries);
        if (entries.some((each) => each && WATCHED.layer.includes(each.event))) safely(inquire);
        return result;
      };
    });
    const kept = !opaque && safely(() => Object.keys(localStorage).some((key) => core.named(WATCHED.storage, key)), false);
    if (kept || Object.values(WATCHED.pages).some((path) => path.split('.')[0] in window)) inquire();
  }, { once: true });
  if (opaque) addEventListener('message', (event) => {
    if (event.source === window.parent && event.data && event.data.consentry && event.data.consentry.categories) change(event.data.consentry, false);
  });
  // Frames of an origin of their own are told, if what they show came from this site.
  function tellFrames() {
    for (const frame of N.query.call(document, 'iframe[sandbox],iframe[src^="data:" i]')) safely(() => {
      const url = parse(frame.src || 'about:blank');
      if (frame.hasAttribute('srcdoc') || url.protocol === 'data:' || url.origin === location.origin) frame.contentWindow.postMessage({ consentry: at.consent }, '*');
    });
  }

  function toWorkers() {
    safely(() => { const workers = navigator.serviceWorker; if (workers && workers.controller) workers.controller.postMessage({ consentry: at.consent }); });
  }

  const api = {
    version: state.version,
    // {categories, vendors, gpc, signal, regime}
    get: () => JSON.parse(JSON.stringify({ ...at.consent, regime: at.law.regime })),
    // Give or withdraw consent: {functional, analytics, marketing: true | false, vendors: {id: true | false}}
    set(choice) {
      const categories = { ...at.consent.categories }, vendors = at.consent.signal === 'cookie consentry' ? { ...at.consent.vendors } : {};
      for (const name of TABLE.categories) if (typeof choice[name] === 'boolean') categories[name] = choice[name];
      for (const [name, value] of Object.entries(choice.vendors || {})) if (/^[a-z0-9-]+$/.test(name) && typeof value === 'boolean') vendors[name] = value;
      const said = (value) => (value ? 'granted' : 'denied');
      const parts = ['v=1', ...TABLE.categories.filter((name) => name in categories).map((name) => name + '=' + said(categories[name])),
        ...Object.keys(vendors).sort().map((name) => 'vendor.' + name + '=' + said(vendors[name]))];
      N.cookie.set.call(document, 'consentry=' + parts.join('&') + '; path=/; max-age=15552000; samesite=lax' + (location.protocol === 'https:' ? '; secure' : ''));
      change({ categories, vendors, implied: at.consent.implied, gpc: at.consent.gpc, signal: 'cookie consentry' }, true);
      return releasing;
    },
    // 'change' when consent changes, 'released' when all that it allows has been started.
    on(name, listener) { const entry = [name, listener]; listeners.add(entry); return () => listeners.delete(entry); },
  };
  Object.defineProperty(window, 'consentry', { value: Object.freeze(api), configurable: false, enumerable: false, writable: false });

  if (typeof consentryLive === 'function' && !opaque && window.top === window) safely(() => consentryLive({ home, state, core, at, N, api, change, ask: inquire, expire, cookies }));
  tag.remove();
  arm(window);
  // A frame that shares the origin is armed from here, however early its script looks for fresh functions.
  safely(() => { if (navigator.globalPrivacyControl && !at.consent.gpc) at.consent = { ...at.consent, gpc: true }; });
  // What came after the choice was still judged before it.
  document.addEventListener('DOMContentLoaded', () => { if (!same(at.consent, state.consent)) safely(release); }, { once: true });
  if (kept) safely(inquire);
  // After all that the page does when it has loaded: a worker of the site's own comes first.
  addEventListener('load', () => setTimeout(() => safely(register)), { once: true });
  function register(late) {
    const workers = navigator.serviceWorker;
    if (!workers || !isSecureContext || !state.worker || window.top !== window) return;
    workers.getRegistration('/').then((known) => {
      // The site's own worker carries the guard already: its script came through the proxy.
      const newest = known && (known.installing || known.waiting || known.active);
      if (newest && !newest.scriptURL.includes(state.base)) return undefined;
      // One that is on its way may fail yet.
      if (hasWorker && !late) return void setTimeout(() => safely(() => register(true)), 10000);
      return workers.register(home + 'worker.js?v=' + state.version, { scope: '/', updateViaCache: 'none' });
    }).catch(() => {});
    toWorkers();
  }
})();
