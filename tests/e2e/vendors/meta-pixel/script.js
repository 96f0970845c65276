// A minimal fbevents.js: takes over the queue of the base code, fetches the pixel's settings, sets _fbp, reports events.
(function () {
  'use strict';
  const fbq = window.fbq;
  if (!fbq || fbq.callMethod) return;
  const pixels = [];

  function browserId() {
    const found = /(?:^|; )_fbp=([^;]+)/.exec(document.cookie);
    if (found) return found[1];
    const id = 'fb.1.' + Date.now() + '.' + Math.floor(Math.random() * 1e18);
    document.cookie = '_fbp=' + id + '; path=/; max-age=7776000; SameSite=Lax';
    return id;
  }

  function report(pixel, event, data) {
    const query = new URLSearchParams({
      id: pixel,
      ev: event,
      dl: location.href,
      rl: document.referrer,
      if: 'false',
      ts: String(Date.now()),
      fbp: browserId(),
    });
    for (const key of Object.keys(data || {})) query.set('cd[' + key + ']', String(data[key]));
    new Image().src = 'https://www.facebook.com/tr/?' + query;
  }

  fbq.callMethod = function (command, name, data) {
    if (command === 'init') {
      pixels.push(name);
      const config = document.createElement('script');
      config.async = true;
      config.src = 'https://connect.facebook.net/signals/config/' + name + '?v=2.9.207&r=stable';
      document.head.appendChild(config);
    } else if (command === 'track' || command === 'trackCustom') {
      pixels.forEach((pixel) => report(pixel, name, data));
    }
  };
  while (fbq.queue.length) fbq.callMethod.apply(fbq, fbq.queue.shift());
})();
