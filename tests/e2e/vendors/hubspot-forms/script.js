// Behaves as the script for embedded forms does: creates a form in its target or where it is called, and runs what
// waits for it.
(() => {
  'use strict';
  window.hbspt = window.hbspt || {};
  window.hbspt.forms = {
    create: ({portalId, formId, target}) => {
      const place = target ? document.querySelector(target) : document.createElement('div');
      if (!target) document.currentScript.after(place);
      place.innerHTML = '<form class="hs-form"><input name="email"></form>';
      const json = document.createElement('script');
      json.src = `https://forms.hsforms.com/embed/v3/form/${portalId}/${formId}/json?callback=hs`;
      document.head.append(json);
    },
  };
  const waiting = window.hsFormsOnReady || [];
  window.hsFormsOnReady = {push: (ready) => ready()};
  waiting.forEach((ready) => ready());
})();
