(function (stubs) {
  'use strict';
  // The page must not find a script that its author did not write: first-script idioms count on it.
  var own = document.currentScript;
  if (own && own.parentNode) own.parentNode.removeChild(own);

  function install(names) {
    names.split(' ').forEach(function (name) {
      var stub = Object.prototype.hasOwnProperty.call(stubs, name) && stubs[name];
      if (!stub) return;
      delete stubs[name];
      try { stub.call(window); } catch (error) { console.warn('Consentry: the stub of ' + name + ' failed', error); }
    });
  }

  function look(node) {
    if (node.nodeType !== 1) return;
    if (node.localName === 'script' && node.type === 'text/x-consentry') {
      install(node.getAttribute('data-consentry') || '');
    }
    var inside = node.firstElementChild ? node.querySelectorAll('script[type="text/x-consentry"]') : [];
    for (var i = 0; i < inside.length; i++) install(inside[i].getAttribute('data-consentry') || '');
  }

  // Mutation callbacks are microtasks, and the parser empties that queue before each script it runs: a stub is
  // in place where the vendor's own snippet would have put its global, and not a moment earlier.
  var observer = new MutationObserver(function (records) {
    for (var i = 0; i < records.length; i++) {
      for (var j = 0; j < records[i].addedNodes.length; j++) look(records[i].addedNodes[j]);
    }
  });
  observer.observe(document, { childList: true, subtree: true });
  document.addEventListener('DOMContentLoaded', function () {
    // Callbacks queue in order: the last placeholders are seen before this stops.
    Promise.resolve().then(function () { observer.disconnect(); });
  });
})
