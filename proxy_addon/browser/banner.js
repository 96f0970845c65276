// The banner: asks for consent on sites that have nothing of their own to ask with, and opens the preference centre
// again by a link to #consentry or the event 'consentry:preferences'. It stands behind the guard and uses only its
// public interface; CATEGORIES ([{category, title, what}]) is filled in by assets.py.
(function () {
  'use strict';
  const consentry = window.consentry;
  if (!consentry || window.top !== window) return;
  // Of two copies in one document the first stays.
  if (!document.dispatchEvent(new Event('consentry:banner', { cancelable: true }))) return;
  document.addEventListener('consentry:banner', (event) => event.preventDefault());

  const LANGUAGES = {
    en: {
      title: 'Your privacy', text: 'With your consent we use services that store data on your device and learn how you use this site. You can change your mind at any time.',
      accept: 'Accept all', reject: 'Reject all', choose: 'Choose', chooser: 'Privacy settings', hint: 'Decide what you allow. Only what is necessary is always on.', save: 'Save choice', back: 'Back',
      necessary: ['Necessary', 'The site does not work without it: security, log-in, basket, this choice.'],
      functional: ['Functional', 'Extras such as chat, maps, videos and embedded forms.'],
      analytics: ['Statistics', 'Measures how the site is used, so that it can be improved.'],
      marketing: ['Marketing', 'Follows what you do to show you advertising and measure its success.'],
    },
    de: {
      title: 'Ihre Privatsphäre', text: 'Mit Ihrer Einwilligung nutzen wir Dienste, die Daten auf Ihrem Gerät speichern und erfassen, wie Sie diese Website nutzen. Sie können Ihre Wahl jederzeit ändern.',
      accept: 'Alle annehmen', reject: 'Alle ablehnen', choose: 'Auswählen', chooser: 'Datenschutz-Einstellungen', hint: 'Entscheiden Sie, was Sie erlauben. Nur das Notwendige ist immer an.', save: 'Auswahl speichern', back: 'Zurück',
      necessary: ['Notwendig', 'Ohne dies geht es nicht: Sicherheit, Anmeldung, Warenkorb, diese Wahl.'],
      functional: ['Funktionen', 'Extras wie Chat, Karten, Videos und eingebettete Formulare.'],
      analytics: ['Statistik', 'Misst, wie die Website genutzt wird, damit sie besser werden kann.'],
      marketing: ['Marketing', 'Verfolgt, was Sie tun, um Ihnen Werbung zu zeigen und deren Erfolg zu messen.'],
    },
    fr: {
      title: 'Votre vie privée', text: 'Avec votre accord, nous utilisons des services qui enregistrent des données sur votre appareil et observent comment vous utilisez ce site. Vous pouvez changer d’avis à tout moment.',
      accept: 'Tout accepter', reject: 'Tout refuser', choose: 'Choisir', chooser: 'Paramètres de confidentialité', hint: 'Décidez de ce que vous autorisez. Seul le nécessaire est toujours actif.', save: 'Enregistrer', back: 'Retour',
      necessary: ['Nécessaire', 'Indispensable au site : sécurité, connexion, panier, ce choix.'],
      functional: ['Fonctionnel', 'Options comme le chat, les cartes, les vidéos et les formulaires intégrés.'],
      analytics: ['Statistiques', 'Mesure l’utilisation du site afin de l’améliorer.'],
      marketing: ['Marketing', 'Suit ce que vous faites pour vous montrer de la publicité et en mesurer l’effet.'],
    },
    es: {
      title: 'Su privacidad', text: 'Con su consentimiento usamos servicios que guardan datos en su dispositivo y observan cómo usa este sitio. Puede cambiar de opinión en cualquier momento.',
      accept: 'Aceptar todo', reject: 'Rechazar todo', choose: 'Elegir', chooser: 'Ajustes de privacidad', hint: 'Decida qué permite. Solo lo necesario está siempre activo.', save: 'Guardar selección', back: 'Volver',
      necessary: ['Necesario', 'El sitio no funciona sin ello: seguridad, acceso, cesta, esta elección.'],
      functional: ['Funcional', 'Extras como chat, mapas, vídeos y formularios integrados.'],
      analytics: ['Estadísticas', 'Mide cómo se usa el sitio para poder mejorarlo.'],
      marketing: ['Marketing', 'Sigue lo que hace para mostrarle publicidad y medir su efecto.'],
    },
  };

  // Shadow styles marked important win over the page's; what is not on the host the page cannot reach.
  const CSS = `
:host{all:initial!important;display:contents!important}
.all{--back:#fff;--text:#1a1e24;--soft:#4a5260;--line:#767e8b;--button:#1c4f94;--on:#fff;font:clamp(1em,.9em + .2vw,1.4em)/1.45 system-ui,sans-serif;color-scheme:light dark}
@media (prefers-color-scheme:dark){.all{--back:#1c2026;--text:#f1f3f6;--soft:#c2c9d3;--line:#8f98a5;--button:#a3c8ff;--on:#10151c}}
*{box-sizing:border-box}
[hidden]{display:none!important}
.bar,dialog{background:var(--back);color:var(--text);border:1px solid var(--line);border-radius:.6em;padding:1.1em;overflow:auto;overflow-wrap:break-word}
.bar{position:fixed;z-index:2147483647;inset:auto .8em .8em;max-width:58em;max-height:calc(100vh - 1.6em);margin:0 auto;box-shadow:0 .2em 1.5em #0006}
dialog{width:min(40em,100% - 1.6em);max-height:calc(100% - 1.6em);margin:auto}
dialog::backdrop{background:#0009}
h2{margin:0 0 .4em;font-size:1.15em;line-height:1.25}
p{margin:0 0 1em}
.row{display:flex;align-items:center;justify-content:space-between;gap:1em;border-top:1px solid var(--line);padding:.5em 0 0}
.row label{flex:1;font-weight:600;padding:.4em 0}
.row+p{color:var(--soft);font-size:.92em;margin-bottom:.7em}
.buttons{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,9.5em),1fr));grid-auto-rows:1fr;gap:.6em}
dialog .buttons{grid-template-columns:repeat(auto-fit,minmax(min(100%,13em),1fr))}
button{font:inherit;font-weight:600;min-height:2.75em;padding:.4em .8em;border:1px solid var(--button);border-radius:.4em;background:var(--button);color:var(--on);cursor:pointer}
button:hover{text-decoration:underline}
input{appearance:none;flex:none;margin:0;width:3em;height:1.7em;border:2px solid var(--line);border-radius:1em;background:radial-gradient(circle at .72em 50%,var(--line) .48em,#0000 .53em);cursor:pointer}
input:checked{border-color:var(--button);background:radial-gradient(circle at calc(100% - .72em) 50%,var(--on) .48em,#0000 .53em) var(--button)}
input:disabled{opacity:.65;cursor:default}
:focus-visible{outline:3px solid var(--button);outline-offset:3px}
.bar:focus{outline:0}
@media (forced-colors:active){input{appearance:auto;width:1.5em}}
@media (prefers-reduced-motion:no-preference){.bar,dialog[open]{animation:in .2s ease-out}@keyframes in{from{translate:0 .8em}}}
@media print{.all{display:none}}
`;

  const language = () => [document.documentElement.lang, ...(navigator.languages || [])].map((each) => String(each).slice(0, 2).toLowerCase())
    .find((each) => Object.prototype.hasOwnProperty.call(LANGUAGES, each)) || 'en';
  const choices = CATEGORIES.map((each) => each.category).filter((each) => each !== 'necessary');
  const decided = () => Object.keys(consentry.get().categories).length > 0;

  function make(name, attributes, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  let host, bar, dialog, chooser, from, margin;
  const switches = {};

  function build() {
    const name = language(), words = LANGUAGES[name];
    const button = (key, act) => {
      const made = make('button', { type: 'button' }, words[key]);
      made.addEventListener('click', act);
      return made;
    };
    const both = () => [button('accept', () => decide(() => true)), button('reject', () => decide(() => false))];
    chooser = button('choose', open);
    bar = make('div', { class: 'bar', role: 'dialog', 'aria-labelledby': 'title', 'aria-describedby': 'text', tabindex: '-1' },
      make('h2', { id: 'title' }, words.title), make('p', { id: 'text' }, words.text), make('div', { class: 'buttons' }, ...both(), chooser));
    bar.hidden = true;
    const rows = ['necessary', ...choices].flatMap((category) => {
      const known = CATEGORIES.find((each) => each.category === category) || {};
      const [title, what] = words[category] || [known.title, known.what];
      const input = make('input', { type: 'checkbox', role: 'switch', id: category, 'aria-describedby': 'what-' + category });
      if (category === 'necessary') input.checked = input.disabled = true;
      else switches[category] = input;
      return [make('div', { class: 'row' }, make('label', { for: category }, title), input), make('p', { id: 'what-' + category }, what)];
    });
    dialog = make('dialog', { 'aria-labelledby': 'chooser', 'aria-describedby': 'hint' }, make('h2', { id: 'chooser' }, words.chooser), make('p', { id: 'hint' }, words.hint), ...rows,
      make('div', { class: 'buttons' }, ...both(), button('save', () => decide((category) => switches[category].checked)), button('back', () => dialog.close())));
    dialog.addEventListener('close', leave);
    host = document.createElement('consentry-banner');
    const root = host.attachShadow({ mode: 'closed' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    root.adoptedStyleSheets = [sheet];
    root.append(make('div', { class: 'all', lang: name }, bar, dialog));
  }

  // First in the body, so that it is the first that the Tab key and a screen reader come to.
  function attach() {
    if (!host) build();
    if (!host.isConnected) (document.body || document.documentElement).prepend(host);
  }

  // A site that draws its whole body anew must not lose the question.
  let again = 0;
  const keeper = new MutationObserver(() => {
    if (!host.isConnected && again++ < 20) { attach(); watch(); }
  });
  const watch = () => {
    for (const node of [document.documentElement, document.body]) if (node) keeper.observe(node, { childList: true });
  };

  const focused = () => (document.activeElement === document.body || document.activeElement === host ? null : document.activeElement);
  function show() {
    attach();
    bar.hidden = false;
    watch();
    // Nothing that gets the focus is left behind the banner.
    margin = new CSSStyleSheet();
    margin.replaceSync(':root{scroll-padding-bottom:' + Math.min(bar.offsetHeight + 24, innerHeight / 2) + 'px}');
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, margin];
    // A field with autofocus gets the focus just before this frame.
    requestAnimationFrame(() => { if (!bar.hidden && !dialog.open && !focused()) bar.focus({ preventScroll: true }); });
  }

  function hide() {
    if (!bar || bar.hidden) return;
    bar.hidden = true;
    keeper.disconnect();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets].filter((each) => each !== margin);
    if (!dialog.open) host.remove();
  }

  function open() {
    from = focused();
    attach();
    if (dialog.open) return;
    const said = consentry.get().categories;
    for (const category of choices) switches[category].checked = said[category] === true;
    dialog.showModal();
  }

  // The preference centre was closed: back to where it was opened.
  function leave() {
    if (!bar.hidden) chooser.focus();
    else {
      host.remove();
      if (from && from.isConnected) from.focus();
    }
  }

  function decide(granted) {
    if (dialog.open) dialog.close();
    hide();
    consentry.set(Object.fromEntries(choices.map((category) => [category, granted(category)])));
  }

  consentry.on('change', () => { if (decided()) hide(); });
  document.addEventListener('consentry:preferences', open);
  document.addEventListener('click', (event) => {
    const link = event.composedPath().find((each) => each.localName === 'a');
    if (!link || link.getAttribute('href') !== '#consentry' || event.defaultPrevented) return;
    event.preventDefault();
    open();
  });
  const start = () => { if (!decided()) show(); };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start, { once: true });
  else start();
})();
