(() => {
  'use strict';
  // Pages call these as soon as the script has loaded.
  const hbspt = window.hbspt || (window.hbspt = {});
  hbspt.forms = hbspt.forms || {create: () => {}};
  hbspt.cta = hbspt.cta || {load: () => {}};
})();
