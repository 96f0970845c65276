// Writes random consent strings with the IAB's reference implementations, and what these read in them.
// Usage: node oracle.mjs tcf|gpp SEED COUNT, in a folder whose node_modules holds the two packages.
// Each line of output is {"string": …, "fields": …}.

import { createRequire } from 'node:module';

const require = createRequire(`${process.cwd()}/`);

const [kind, seed, count] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];

// A small generator (a 32-bit multiply and shift), because Math.random takes no seed.
let state = seed >>> 0;
const random = () => {
  state = (state + 0x9e3779b9) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 4294967296;
};
const below = (limit) => Math.floor(random() * limit);
const chance = (share) => random() < share;
const among = (list) => list[below(list.length)];
const bits = (width) => Array.from({ length: width }, () => chance(0.5));
const members = (width) => bits(width).flatMap((set, at) => (set ? [at + 1] : []));
const moment = () => new Date(Date.UTC(2020, 0, 1) + below(3000) * 86400000);
const country = () => among(['AA', 'DE', 'FR', 'GB', 'ZZ']);

// Vendor ids as they come: none, a few, long runs (written as ranges), or a dense mixture (written as bits).
const ids = (largest) => {
  const shape = below(4);
  if (shape === 0) return [];
  if (shape === 1) return [...new Set(Array.from({ length: 1 + below(6) }, () => 1 + below(largest)))].sort((a, b) => a - b);
  if (shape === 2) {
    const found = [];
    let next = 1 + below(50);
    while (next <= largest && found.length < 2000) {
      const end = Math.min(largest, next + below(200));
      for (let id = next; id <= end; id++) found.push(id);
      next = end + 2 + below(400);
    }
    return found;
  }
  return Array.from({ length: largest }, (_, at) => at + 1).filter(() => chance(0.4));
};

const emit = (string, fields) => process.stdout.write(`${JSON.stringify({ string, fields })}\n`);

// The encoder writes vendors of its list only. One in ten ids is missing, as in the real list, where none is given twice.
const VENDORS = [...Array.from({ length: 200 }, (_, at) => at + 1).filter((id) => id % 10 !== 7), 1000, 1001, 1002, 4000];

function vendorList() {
  const numbered = (amount) =>
    Object.fromEntries(
      Array.from({ length: amount }, (_, at) => [at + 1, { id: at + 1, name: `${at + 1}`, description: '', illustrations: [] }]),
    );
  const purposes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
  const vendors = {};
  for (const id of VENDORS) {
    const named = { id, name: `vendor ${id}`, purposes, legIntPurposes: [2, 7, 8, 9, 10], flexiblePurposes: [2, 7, 8, 9, 10] };
    vendors[id] = { ...named, specialPurposes: [1], features: [], specialFeatures: [], urls: [] };
  }
  return {
    gvlSpecificationVersion: 3, vendorListVersion: 142, tcfPolicyVersion: 5, lastUpdated: '2025-01-02T00:00:00Z',
    purposes: numbered(11), specialPurposes: numbered(3), features: numbered(3), specialFeatures: numbered(2),
    stacks: {}, dataCategories: {}, vendors,
  };
}

const vendors = () => (chance(0.2) ? [...ids(200), 1000, 1001, 1002, 4000] : ids(200));

function tcf() {
  const { TCModel, TCString, GVL, PurposeRestriction, Segment } = require('@iabtechlabtcf/core');
  const gvl = new GVL(vendorList());
  const listed = (vector) => {
    const found = [];
    vector.forEach((set, id) => { if (set) found.push(id); });
    return found;
  };
  for (let made = 0; made < count; made++) {
    const model = new TCModel(gvl);
    model.cmpId = 2 + below(4000);
    model.cmpVersion = below(4096);
    model.consentScreen = below(64);
    model.isServiceSpecific = chance(0.8);
    model.useNonStandardTexts = chance(0.5);
    model.purposeOneTreatment = chance(0.2);
    model.publisherCountryCode = country();
    model.created = moment();
    model.lastUpdated = moment();
    model.specialFeatureOptins.set(members(12));
    model.purposeConsents.set(members(24));
    model.purposeLegitimateInterests.set(members(24));
    model.vendorConsents.set(vendors());
    model.vendorLegitimateInterests.set(vendors());
    model.vendorsDisclosed.set(vendors());
    model.vendorsAllowed.set(vendors());
    model.publisherConsents.set(members(24));
    model.publisherLegitimateInterests.set(members(24));
    model.numCustomPurposes = below(64);
    model.publisherCustomConsents.set(members(model.numCustomPurposes));
    model.publisherCustomLegitimateInterests.set(members(model.numCustomPurposes));
    for (let left = chance(0.5) ? below(5) : 0; left > 0; left--) {
      const restriction = new PurposeRestriction(1 + below(11), below(3));
      for (const id of ids(200)) model.publisherRestrictions.add(id, restriction);
    }
    const optional = [Segment.VENDORS_DISCLOSED, Segment.PUBLISHER_TC, Segment.VENDORS_ALLOWED];
    const segments = [Segment.CORE, ...optional.filter(() => chance(0.6))];
    const string = TCString.encode(model, { segments });
    const read = TCString.decode(string);
    emit(string, {
      version: read.version, created: read.created.getTime(), updated: read.lastUpdated.getTime(),
      cmp_id: read.cmpId, cmp_version: read.cmpVersion, screen: read.consentScreen, language: read.consentLanguage,
      vendor_list_version: read.vendorListVersion, policy_version: read.policyVersion,
      service_specific: read.isServiceSpecific, non_standard_texts: read.useNonStandardTexts,
      special_features: listed(read.specialFeatureOptins), purpose_consents: listed(read.purposeConsents),
      purpose_legitimate_interests: listed(read.purposeLegitimateInterests),
      purpose_one_treatment: read.purposeOneTreatment, country: read.publisherCountryCode,
      vendor_consents: listed(read.vendorConsents), vendor_legitimate_interests: listed(read.vendorLegitimateInterests),
      restrictions: read.publisherRestrictions.getRestrictions()
        .map((each) => [each.purposeId, each.restrictionType, read.publisherRestrictions.getVendors(each)]),
      vendors_disclosed: segments.includes(Segment.VENDORS_DISCLOSED) ? listed(read.vendorsDisclosed) : null,
      vendors_allowed: segments.includes(Segment.VENDORS_ALLOWED) ? listed(read.vendorsAllowed) : null,
      publisher: segments.includes(Segment.PUBLISHER_TC) ? {
        consents: listed(read.publisherConsents), legitimate_interests: listed(read.publisherLegitimateInterests),
        custom_count: read.numCustomPurposes, custom_consents: listed(read.publisherCustomConsents),
        custom_legitimate_interests: listed(read.publisherCustomLegitimateInterests),
      } : null,
    });
  }
}

const STATES = 'ca va co ut ct fl mt or tx de ia ne nh nj tn mn md in ky ri'.split(' ').map((state) => `us${state}`);
const SECTIONS = ['tcfeuv2', 'tcfcav1', 'uspv1', 'usnat', ...STATES];

function fill(model, section, RangeEntry) {
  const set = (name, value) => model.setFieldValue(section, name, value);
  if (section === 'uspv1') {
    for (const name of ['Notice', 'OptOutSale', 'LspaCovered']) set(name, among(['Y', 'N', '-']));
    return;
  }
  if (section.startsWith('tcf')) {
    const [first, second] = section === 'tcfeuv2' ? ['Consents', 'LegitimateInterests'] : ['ExpressConsent', 'ImpliedConsent'];
    const purposes = section === 'tcfeuv2' ? 'Purpose' : 'Purposes';
    set('CmpId', below(4096));
    set('CmpVersion', below(4096));
    set('ConsentScreen', below(64));
    set('ConsentLanguage', among(['EN', 'FR', 'DE']));
    set('VendorListVersion', below(4096));
    set(`${purposes}${first}`, bits(24));
    set(`${purposes}${second}`, bits(24));
    set(`Vendor${first}`, ids(900));
    set(`Vendor${second}`, ids(900));
    set(section === 'tcfeuv2' ? 'SpecialFeatureOptins' : 'SpecialFeatureExpressConsent', bits(12));
    if (section === 'tcfeuv2') {
      set('PublisherCountryCode', country());
      set('PurposeOneTreatment', chance(0.2));
    }
    if (chance(0.3)) {
      const entries = Array.from({ length: below(4) }, () => new RangeEntry(1 + below(11), below(3), ids(200)));
      set(section === 'tcfeuv2' ? 'PublisherRestrictions' : 'PubRestrictions', entries);
    }
    set(section === 'tcfeuv2' ? 'VendorsDisclosed' : 'DisclosedVendors', ids(900));
    const custom = below(20);
    set('NumCustomPurposes', custom);
    set(section === 'tcfeuv2' ? 'PublisherCustomConsents' : 'CustomPurposesExpressConsent', bits(custom));
    set(section === 'tcfeuv2' ? 'PublisherCustomLegitimateInterests' : 'CustomPurposesImpliedConsent', bits(custom));
    set(section === 'tcfeuv2' ? 'PublisherConsents' : 'PubPurposesExpressConsent', bits(24));
    set(section === 'tcfeuv2' ? 'PublisherLegitimateInterests' : 'PubPurposesImpliedConsent', bits(24));
    set('Created', moment());
    set('LastUpdated', moment());
    return;
  }
  set('SaleOptOut', 0);
  const earlier = section === 'usnat' && chance(0.5);
  if (earlier) set('Version', 1);
  for (const [name, value] of Object.entries(model.toObject()[section])) {
    if (name === 'Gpc') set('GpcSegmentIncluded', chance(0.7));
    if (Array.isArray(value)) set(name, value.map(() => below(3)));
    else if (name === 'MspaCoveredTransaction') set(name, 1 + below(2));
    else if (typeof value === 'boolean') set(name, chance(0.5));
    else if (!['Version', 'MspaVersion', 'GpcSegmentType'].includes(name)) set(name, below(3));
  }
}

async function gpp() {
  const { GppModel } = require('@iabgpp/cmpapi');
  // The package does not export the value class of restrictions: a list entry only needs these three methods.
  class RangeEntry {
    constructor(key, type, listed) { Object.assign(this, { key, type, ids: listed }); }
    getKey() { return this.key; }
    getType() { return this.type; }
    getIds() { return this.ids; }
  }
  for (let made = 0; made < count; made++) {
    const model = new GppModel();
    // Every section comes up in turn, alone or with up to three others.
    const chosen = new Set([SECTIONS[made % SECTIONS.length]]);
    for (let left = below(4); left > 0; left--) chosen.add(among(SECTIONS));
    for (const section of chosen) fill(model, section, RangeEntry);
    const string = model.encode();
    emit(string, new GppModel(string).toObject());
  }
}

await (kind === 'tcf' ? tcf() : gpp());
