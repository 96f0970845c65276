// The shop's consent banner: writes the documented cookie, and loads the page anew.
(() => {
  'use strict';

  const COOKIE = 'consentry';
  const SECONDS = 180 * 24 * 60 * 60;
  const CATEGORIES = ['functional', 'analytics', 'marketing'];
  // What the shop's vendors leave on the shop's own domain, to be removed when their category is not granted.
  const TRACES = {
    analytics: ['ajs_', '_ga', '_clck', '_clsk', '_hj', '__hs', 'hubspotutk'],
    marketing: ['_gcl_', '_fbp', '_fbc', '_uet', 'li_', 'ln_or', '_tt', 'ttcsid'],
  };

  const get = (id) => document.getElementById(id);
  const banner = get('consent');
  const form = get('consent-form');
  const choices = get('consent-choices');
  const settings = get('cookie-settings');
  const before = cookie();
  let returnTo = null;

  function cookie() {
    const found = document.cookie.split('; ').find((pair) => pair.startsWith(`${COOKIE}=`));
    return found ? found.slice(COOKIE.length + 1) : '';
  }

  /** The choice in the cookie, as {functional: true, …}; null where none was made. */
  function choice() {
    const said = new URLSearchParams(cookie());
    if (said.get('v') !== '1') return null;
    return Object.fromEntries(CATEGORIES.map((category) => [category, said.get(category) === 'granted']));
  }

  function choose(granted) {
    const words = CATEGORIES.map((category) => `${category}=${granted[category] ? 'granted' : 'denied'}`);
    const secure = location.protocol === 'https:' ? '; Secure' : '';
    document.cookie = `${COOKIE}=${['v=1', ...words].join('&')}; Max-Age=${SECONDS}; Path=/; SameSite=Lax${secure}`;
    for (const [category, names] of Object.entries(TRACES)) if (!granted[category]) forget(names);
    location.reload();
  }

  function forget(prefixes) {
    const matches = (name) => prefixes.some((prefix) => name.startsWith(prefix));
    const labels = location.hostname.split('.');
    const domains = ['', ...labels.map((_, index) => `; Domain=${labels.slice(index).join('.')}`)];
    for (const name of document.cookie.split('; ').map((pair) => pair.split('=')[0]).filter(matches)) {
      for (const domain of domains) document.cookie = `${name}=; Max-Age=0; Path=/${domain}`;
    }
    Object.keys(localStorage).filter(matches).forEach((key) => localStorage.removeItem(key));
  }

  function showChoices() {
    choices.hidden = false;
    get('consent-save').hidden = false;
    get('consent-choose').hidden = true;
    get('consent-choose').setAttribute('aria-expanded', 'true');
  }

  function open() {
    const made = choice();
    for (const category of CATEGORIES) form.elements[category].checked = Boolean(made && made[category]);
    if (made) showChoices();
    get('consent-close').hidden = !made;
    banner.hidden = false;
  }

  function close() {
    banner.hidden = true;
    if (returnTo) returnTo.focus();
    returnTo = null;
  }

  get('consent-accept').addEventListener('click', () => choose({ functional: true, analytics: true, marketing: true }));
  get('consent-reject').addEventListener('click', () => choose({}));
  get('consent-close').addEventListener('click', close);
  get('consent-choose').addEventListener('click', () => {
    showChoices();
    form.elements.functional.focus();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    choose(Object.fromEntries(CATEGORIES.map((category) => [category, form.elements[category].checked])));
  });

  settings.addEventListener('click', (event) => {
    event.preventDefault();
    returnTo = settings;
    open();
    banner.focus();
  });
  // Escape leaves the choice as it is; where none was made, there is nothing to leave.
  banner.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && choice()) close();
  });

  // The page can be scrolled clear of the banner, and nothing that has the focus is under it.
  new ResizeObserver(() => {
    document.documentElement.style.setProperty('--consent-height', `${banner.hidden ? 0 : banner.offsetHeight}px`);
  }).observe(banner);

  // A page that the browser kept for "back" may show an older choice.
  window.addEventListener('pageshow', (event) => {
    if (event.persisted && cookie() !== before) location.reload();
  });

  const shown = get('own-cookie');
  if (shown && cookie()) shown.textContent = `${COOKIE}=${cookie()}`;
  if (!choice()) open();
})();
