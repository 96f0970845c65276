// The line at the top of the page: which of the shop's vendor scripts are held here, and which ran.
(() => {
  'use strict';

  const HELD = 'text/x-consentry';
  // The shop's tags, each with what its script's address or code holds.
  const TAGS = [
    ['Segment', 'cdn.segment.com/analytics.js'],
    ['Google Tag Manager', 'googletagmanager.com/gtm.js'],
    ['Google Analytics 4', /gtag\/js\?id=G-|'config', 'G-/],
    ['Google Ads', /gtag\/js\?id=AW-|'config', 'AW-/],
    ['Plausible', 'plausible.io/js/'],
    ['Microsoft Clarity', 'clarity.ms/tag/'],
    ['Hotjar', 'static.hotjar.com/c/hotjar-'],
    ['HubSpot', 'js.hs-scripts.com/'],
    ['Meta Pixel', 'connect.facebook.net/'],
    ['LinkedIn Insight Tag', 'snap.licdn.com/'],
    ['Microsoft Advertising', 'bat.bing.com/bat.js'],
    ['TikTok Pixel', 'analytics.tiktok.com/i18n/pixel/'],
    ['Firebase Authentication', 'gstatic.com/firebasejs/'],
    ['reCAPTCHA', 'google.com/recaptcha/'],
  ];
  const get = (id) => document.getElementById(id);

  function content(script) {
    return (script.getAttribute('src') || script.getAttribute('data-consentry-src') || '') + script.text;
  }

  function tagOf(script) {
    const text = content(script);
    return TAGS.find(([, sign]) => (sign instanceof RegExp ? sign.test(text) : text.includes(sign)));
  }

  /** Maps of what is held and what ran, from a tag's name to the ids of the vendors it is held for. */
  function look() {
    const held = new Map();
    const ran = new Map();
    for (const script of document.scripts) {
      const tag = tagOf(script);
      const vendors = (script.getAttribute('data-consentry') || '').split(' ').filter(Boolean);
      if (script.type === HELD) held.set(tag ? tag[0] : vendors.join(', '), vendors);
      else if (tag) ran.set(tag[0], []);
    }
    // A tag can be of two scripts, of which one only makes a queue and is not held.
    for (const name of held.keys()) ran.delete(name);
    return { held, ran };
  }

  function list(id, tags) {
    const items = [...tags].map(([name, vendors]) => {
      const item = document.createElement('li');
      item.textContent = name;
      if (vendors.length) item.title = `Held as ${vendors.join(', ')}`;
      for (const vendor of vendors) item.dataset.vendor = vendor;
      return item;
    });
    if (!items.length) {
      const none = document.createElement('li');
      none.className = 'none';
      none.textContent = 'none';
      items.push(none);
    }
    get(id).replaceChildren(...items);
  }

  function plural(count, word) {
    return `${count} ${word}${count === 1 ? '' : 's'}`;
  }

  /** What to say: a state, a sentence as [strong, rest], and a hint. */
  function words(held, ran) {
    if (held.size) {
      const rest = ran.size ? `, ${plural(ran.size, 'tag')} ran.` : '.';
      return ['holding', [`Consentry holds ${plural(held.size, 'vendor tag')} on this page`, rest], ''];
    }
    // Behind a reverse proxy the page's address is not the shop's own.
    if (location.origin === document.documentElement.dataset.shop) {
      return [
        'absent',
        ['Consentry is not in front of this page', `: ${plural(ran.size, 'tag')} ran, whatever was chosen.`],
        'Start it with “consentry demo”, and open the address that it names.',
      ];
    }
    const granted = /(?:^|; )consentry=(?=[^;]*analytics=granted)(?=[^;]*marketing=granted)/.test(document.cookie);
    if (granted) {
      return [
        'granted',
        ['Consentry holds nothing on this page', `: you allowed it, and ${plural(ran.size, 'tag')} ran.`],
        '“Cookie settings”, at the foot of the page, takes it back.',
      ];
    }
    return [
      'observing',
      ['Nothing is held on this page', `: ${plural(ran.size, 'tag')} ran, whatever was chosen.`],
      'Consentry only observes: it records what it would hold.',
    ];
  }

  function show() {
    const { held, ran } = look();
    const [state, [strong, rest], hint] = words(held, ran);
    const said = `${strong}${rest}`;
    list('status-held', held);
    list('status-ran', ran);
    get('status').dataset.state = state;
    get('status').hidden = false;
    get('status-hint').textContent = hint;
    if (get('status-spoken').textContent === said) return;
    const emphasis = document.createElement('strong');
    emphasis.textContent = strong;
    get('status-line').replaceChildren(emphasis, rest);
    get('status-spoken').textContent = said;
  }

  get('status-details').open = matchMedia('(min-width: 56rem)').matches;
  show();
  // Vendors add scripts, and held ones can be released while the page is open.
  new MutationObserver((records) => {
    const touches = (node) => node.nodeType === 1 && (node.localName === 'script' || node.querySelector('script'));
    const changed = (record) =>
      record.type === 'attributes'
        ? record.target.localName === 'script'
        : [...record.addedNodes, ...record.removedNodes].some(touches);
    if (records.some(changed)) show();
  }).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ['type'] });
})();
