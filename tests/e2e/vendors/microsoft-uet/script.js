// A minimal bat.js: the constructor that the snippet waits for, its two cookies, and the reports to /action/0.
(function () {
  'use strict';
  function id(name, seconds) {
    const found = new RegExp('(?:^|; )' + name + '=([^;]+)').exec(document.cookie);
    const value = found ? found[1] : Date.now().toString(16) + Math.random().toString(16).slice(2);
    document.cookie = name + '=' + value + '; path=/; max-age=' + seconds + '; SameSite=Lax';
    return value;
  }

  window.UET = function UET(options) {
    const page = Math.random().toString(16).slice(2);

    function report(event, values) {
      const query = new URLSearchParams({
        ti: options.ti,
        Ver: '2',
        mid: page,
        sid: id('_uetsid', 86400),
        vid: id('_uetvid', 33696000),
        evt: event,
        p: location.href,
        r: document.referrer,
        rn: String(Math.floor(Math.random() * 1e6)),
        ...values,
      });
      new Image().src = 'https://bat.bing.com/action/0?' + query;
    }

    this.push = function (command, action, values) {
      if (command === 'pageLoad') report('pageLoad', {});
      if (command === 'event') report('custom', { ea: action, ...values });
    };
    // The queue is flat: a command and its two arguments are three entries.
    const queue = options.q;
    for (let at = 0; at < queue.length; at += queue[at] === 'event' || queue[at] === 'consent' ? 3 : 1) {
      this.push(queue[at], queue[at + 1], queue[at + 2]);
    }
  };
})();
