// A minimal tag of one project, as www.clarity.ms/tag/ answers it: settings, and the recorder's script.
(function (c, l) {
  'use strict';
  const clarity = (c.clarity =
    c.clarity ||
    function () {
      (c.clarity.q = c.clarity.q || []).push(arguments);
    });
  if (clarity.v || clarity.t) return;
  clarity.t = true;
  const script = l.createElement('script');
  script.async = true;
  script.src = 'https://scripts.clarity.ms/0.8.70/clarity.js';
  l.head.appendChild(script);
  clarity('start', { projectId: 'abcdef1234', upload: 'https://q.clarity.ms/collect', track: true, content: true, delay: 200 });
  clarity.q.unshift(clarity.q.pop());
})(window, document);
