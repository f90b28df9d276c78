// The only answers given to the generator by hand, each with its reason.
// An entry that is no longer needed, or whose two sides have changed, fails the run.

// Fields on which npm and PyPI disagree: what each side has (in the notation of cross-check.mjs, where "| null" of PyPI
// means absent or null), and what is taken. An entry holds for the releases from `since` until `until`, of which either can
// be left out, and must be needed in each. Where a version has no PyPI package, npm's side alone must be so.
//   take {}                 npm's side
//   take {optional: true}   npm's type, but the field may be absent (false: is always there)
//   take {of: […]}          these objects
//   take {type: …}          this type
const absentInApi = 'not among the required fields of the API; npm makes it required by hand';
const sharedAddress = 'npm uses the shared address type, whose fields can be null; the wider side is taken';
const forTheSdk = 'for the use of Stripe.js, with any content; npm declares an interface without members';
const onlyPreview = 'only a preview has none, and deviations.txt lists its event';
const noStub = 'PyPI has no type for the stub; the whole invoice lacks it in a preview';

export const disagreements = [
  { path: 'account.charges_enabled', npm: 'boolean', pypi: 'boolean | null', take: { optional: true }, why: absentInApi },
  { path: 'account.details_submitted', npm: 'boolean', pypi: 'boolean | null', take: { optional: true }, why: absentInApi },
  { path: 'account.payouts_enabled', npm: 'boolean', pypi: 'boolean | null', take: { optional: true }, why: absentInApi },
  {
    path: 'account.type',
    since: 'dahlia',
    npm: 'open enum<custom express none standard>',
    pypi: 'open enum<custom express none standard> | null',
    take: { optional: true },
    why: absentInApi,
  },
  {
    path: 'account.type',
    since: '2023-10-16',
    until: 'clover',
    npm: 'enum<custom express none standard>',
    pypi: 'enum<custom express none standard> | null',
    take: { optional: true },
    why: absentInApi,
  },
  {
    path: 'account.type',
    until: '2023-08-16',
    npm: 'enum<custom express standard>',
    pypi: null,
    take: { optional: true },
    why: absentInApi,
  },
  { path: 'customer.balance', npm: 'integer', pypi: 'integer | null', take: { optional: true }, why: absentInApi },
  { path: 'customer.invoice_settings', npm: '{}', pypi: '{} | null', take: { optional: true }, why: absentInApi },
  { path: 'customer.metadata', npm: 'map<string>', pypi: 'map<string> | null', take: { optional: true }, why: absentInApi },
  { path: 'person.account', npm: 'string', pypi: 'string | null', take: { optional: true }, why: absentInApi },
  {
    path: 'deleted_bank_account.currency',
    npm: 'string | null',
    pypi: 'string',
    take: {},
    why: 'PyPI has no type for the stub; its bank account always has a currency',
  },
  { path: 'deleted_invoice.id', until: 'basil', npm: 'string', pypi: 'string | null', take: {}, why: noStub },
  {
    path: 'invoice.id',
    until: 'acacia',
    npm: 'string',
    pypi: 'string | null',
    take: {},
    why: onlyPreview,
  },
  {
    path: 'invoice.id',
    since: 'basil',
    until: 'basil',
    npm: 'string | null',
    pypi: 'string | null',
    take: { optional: false },
    why: onlyPreview,
  },
  ...['payment_intent', 'setup_intent'].map((intent) => ({
    path: `${intent}.next_action.use_stripe_sdk`,
    until: 'basil',
    npm: '{} | null',
    pypi: 'map<any> | null',
    take: { type: { k: 'map', of: { k: 'any' } } },
    why: forTheSdk,
  })),
  {
    path: 'financial_connections.account.account_holder.account',
    since: 'dahlia',
    npm: 'expandable<financial_connections.account> | null',
    pypi: 'expandable<account> | null',
    take: { of: ['account'] },
    why: 'npm means Account, but the file declares another interface of that name',
  },
  ...['city', 'country', 'line1', 'line2', 'postal_code', 'state', 'town'].map((field) => ({
    path: `v2.money_management.financial_address.bank_account.aba.address.${field}`,
    since: 'endive',
    npm: 'string | null',
    pypi: 'string',
    take: {},
    why: sharedAddress,
  })),
];

// Points in time that the rule of times.mjs does not recognise (or recognises wrongly).
export const times = {
  ...Object.fromEntries(
    ['error_report_triggered', 'no_meter_found'].flatMap((type) =>
      ['validation_end', 'validation_start'].map((field) => [`v1.billing.meter.${type}.${field}`, 'datetime'])),
  ),
  'v2.core.account.future_requirements.minimum_transition_date': 'datetime',
  'v2.core.account.identity.individual.updated': 'datetime',
  'v2.core.event_destination.created': 'datetime',
  'v2.core.event_destination.updated': 'datetime',
};

// Decimal numbers, removed before npm had a type for these.
export const decimals = [
  'credit_note_line_item.unit_amount_excluding_tax',
  'invoiceitem.unit_amount_decimal',
  'issuing.transaction.purchase_details.fuel.volume_decimal',
  'line_item.unit_amount_excluding_tax',
];

// Snapshot events of which a package does not say what they carry.
const goneBefore = 'listed until 2023-10-16, without an object; Stripe had removed the objects themselves years before';
export const undeclared = {
  'invoiceitem.updated': { objects: ['invoiceitem'], why: 'as the other events of invoice items' },
  ...Object.fromEntries(
    ['order.created', 'recipient.created', 'recipient.deleted', 'recipient.updated', 'sku.created', 'sku.deleted', 'sku.updated']
      .map((type) => [type, { objects: [], why: goneBefore }]),
  ),
};

// Objects that snapshot events carry and no call reads, although some can be listed or created.
const onlyInEvents = 'described for its events only';
export const unread = {
  application: onlyInEvents,
  'billing.alert_triggered': 'an occurrence without an id',
  'billing_portal.session': 'can be created only',
  discount: 'part of the customer, subscription, invoice or quote that has it',
  'entitlements.active_entitlement_summary': 'has no id; the entitlements of a customer can be listed',
  'financial_connections.authorization': onlyInEvents,
  'reserve.hold': onlyInEvents,
  'reserve.plan': onlyInEvents,
  'reserve.release': onlyInEvents,
  source_mandate_notification: onlyInEvents,
  source_transaction: 'can be listed for its source only',
};
