(function () {
  'use strict';
  // The tag's own code brings a queue; a page that loads the script without it gets the same queue.
  if (typeof window.lintrk === 'function') return;
  const lintrk = function (command, data) {
    lintrk.q.push([command, data]);
  };
  lintrk.q = [];
  lintrk.consentry = true;
  window.lintrk = lintrk;
})();
