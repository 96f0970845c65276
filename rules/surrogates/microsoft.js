(function () {
  'use strict';
  const w = window;
  // UET's snippet waits for this script, then does `new UET(options)` and pushes to what it gets.
  if (typeof w.UET !== 'function') {
    w.UET = function UET() {
      this.push = function () {};
    };
    w.UET.consentry = true;
  }
  w.uetq = w.uetq || [];
  // A queue, not an empty function: Clarity's own tag, where it may run, still starts from it.
  w.clarity =
    w.clarity ||
    function () {
      (w.clarity.q = w.clarity.q || []).push(arguments);
    };
})();
