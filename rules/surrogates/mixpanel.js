(() => {
  'use strict';

  const before = window.mixpanel;
  // `__loaded` means that the real library is here.
  if (before && before.__loaded) return;

  const later = (callback, ...told) => {
    if (typeof callback === 'function') setTimeout(callback, 0, ...told);
  };
  const nothing = () => {};
  // track(name, properties, callback) and its like: 0 tells the callback that nothing was recorded.
  const told = (...call) => {
    later(call[call.length - 1], 0);
    return false;
  };
  const record = (names) => Object.fromEntries(names.split(' ').map((name) => [name, told]));

  const prepare = (target) => {
    const queued = Array.isArray(target) ? target.splice(0) : [];
    const methods = {
      ...record('track track_pageview track_with_groups identify alias set_group add_group remove_group'),
      track_links: nothing,
      track_forms: nothing,
      time_event: nothing,
      register: nothing,
      register_once: nothing,
      unregister: nothing,
      name_tag: nothing,
      set_config: nothing,
      reset: nothing,
      disable: nothing,
      add_hook: nothing,
      opt_in_tracking: nothing,
      opt_out_tracking: nothing,
      clear_opt_in_out_tracking: nothing,
      has_opted_in_tracking: () => false,
      has_opted_out_tracking: () => true,
      start_batch_senders: nothing,
      stop_batch_senders: nothing,
      start_session_recording: nothing,
      stop_session_recording: nothing,
      pause_session_recording: nothing,
      resume_session_recording: nothing,
      get_session_recording_properties: () => ({}),
      get_session_replay_url: () => null,
      get_tab_id: () => null,
      get_api_host: () => '',
      get_config: () => undefined,
      get_property: () => undefined,
      get_distinct_id: () => '',
      get_group: () => record('set set_once union unset remove delete'),
    };
    Object.assign(target, methods, {
      people: record('set set_once unset increment append union track_charge clear_charges delete_user remove'),
      flags: {
        are_flags_ready: () => true,
        get_variant: async (name, fallback) => fallback,
        get_variant_value: async (name, fallback) => fallback,
        get_variant_sync: (name, fallback) => fallback,
        get_variant_value_sync: (name, fallback) => fallback,
        is_enabled: async (name, fallback = false) => fallback,
        is_enabled_sync: (name, fallback = false) => fallback,
      },
    });
    // What was queued before, and what a page still pushes, runs at once.
    target.push = (...calls) => {
      for (const call of calls) {
        if (typeof call === 'function') call.call(target);
        else if (Array.isArray(call) && typeof target[call[0]] === 'function') target[call[0]](...call.slice(1));
      }
      return 0;
    };
    target.push(...queued);
    return target;
  };

  const mixpanel = before || {};
  const waiting = mixpanel._i || [];
  const init = (token, config, name) => {
    const instance = name && name !== 'mixpanel' ? (mixpanel[name] = prepare(mixpanel[name] || {})) : mixpanel;
    later(config && config.loaded, instance);
    return instance;
  };
  window.mixpanel = mixpanel;
  prepare(mixpanel).init = init;
  for (const call of waiting) init(...call);
})();
