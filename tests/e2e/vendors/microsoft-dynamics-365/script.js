// A minimal WebTracking.bundle.js: replays MSEIqueue and sends views, clicks and events to the configured collector.
(function () {
  'use strict';
  function Analytics() {
    let settings = null;

    function send(kind, data) {
      if (!settings) return;
      fetch(settings.endpointUrl + '?cors=true&content-type=application/x-json-stream', {
        method: 'POST',
        mode: 'no-cors',
        keepalive: true,
        body: JSON.stringify({ iKey: 'o:' + settings.ingestionKey.split('-')[0], name: kind, data: { url: location.href, ...data } }),
      }).catch(() => {});
    }

    this.initialize = function (config) {
      settings = config;
      if (config.autoCapture && config.autoCapture.view) send('view', {});
      if (config.autoCapture && config.autoCapture.click) addEventListener('click', () => send('action', {}));
    };
    this.teardown = function () {
      settings = null;
    };
    this.trackEvent = (event) => send('event', event);
    this.trackView = (view) => send('view', view);
    this.trackAction = (action) => send('action', action);
    this.setUser = this.setProperty = this.setConfig = function () {};
  }

  const queue = window.MSEIqueue || [];
  window.MSEI = { Analytics };
  const replay = ([command, name, args]) => {
    if (command === 'new') window[name] = new Analytics();
    else window[name][command].apply(window[name], args);
  };
  queue.splice(0).forEach(replay);
})();
