// A minimal insight.min.js: replays lintrk.q, reports the page view and conversions, keeps its id and ln_or.
(function () {
  'use strict';
  const partners = window._linkedin_data_partner_ids || [];
  const waiting = (window.lintrk && window.lintrk.q) || [];

  function adsId() {
    let id = localStorage.getItem('li_adsId');
    if (!id) {
      id = Date.now().toString(16) + '-' + Math.random().toString(16).slice(2);
      localStorage.setItem('li_adsId', id);
    }
    return id;
  }

  window.lintrk = function (command, data) {
    if (command !== 'track') return;
    const query = new URLSearchParams({
      v: '2',
      fmt: 'js',
      pid: partners.join(','),
      time: String(Date.now()),
      li_adsId: adsId(),
      url: location.href,
    });
    if (data && data.conversion_id) query.set('conversionId', String(data.conversion_id));
    new Image().src = 'https://px.ads.linkedin.com/collect?' + query;
  };

  const domains = {};
  partners.forEach((partner) => (domains[partner] = 'd'));
  document.cookie = 'ln_or=' + btoa(JSON.stringify(domains)) + '; path=/; max-age=86400; SameSite=Lax';
  waiting.forEach((call) => window.lintrk.apply(null, call));
  if (!window._wait_for_lintrk && !window._already_called_lintrk) {
    window.lintrk('track');
    window._already_called_lintrk = true;
  }
})();
