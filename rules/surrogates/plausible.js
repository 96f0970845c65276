(() => {
  'use strict';
  const before = window.plausible;
  // The script marks its own function.
  if (before && before.l) return;
  // Pages follow a link or send a form only after the callback.
  const plausible = (_, options) => {
    if (options && typeof options.callback === 'function') setTimeout(options.callback);
  };
  plausible.init = () => {};
  window.plausible = plausible;
  for (const call of (before && before.q) || []) plausible(...call);
})();
