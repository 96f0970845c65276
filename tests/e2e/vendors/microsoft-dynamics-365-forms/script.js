// A minimal FormLoader.bundle.js: fetches the form of every placeholder and puts it in.
(function () {
  'use strict';
  function load(placeholder) {
    const tell = (name) => document.dispatchEvent(new CustomEvent(name, { detail: { placeholder } }));
    tell('d365mkt-beforeformload');
    fetch(placeholder.dataset.cachedFormUrl)
      .then((response) => response.text())
      .then((html) => {
        tell('d365mkt-formrender');
        placeholder.innerHTML = html;
        tell('d365mkt-afterformload');
      })
      .catch(() => {});
  }

  const start = () => document.querySelectorAll('[data-form-id][data-cached-form-url]').forEach(load);
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();
})();
