// The only answers given to the generator by hand, each with its reason.
// An entry that is no longer needed, or whose two sides have changed, fails the run.

// Fields on which npm and PyPI disagree: what each side has (in the notation of
// cross-check.mjs, where "| null" of PyPI means absent or null), and what is taken.
//   take {}                 npm's side
//   take {optional: true}   npm's type, but the field may be absent
//   take {of: […]}          these objects
const absentInApi = 'not among the required fields of the API; npm makes it required by hand';
const sharedAddress = 'npm uses the shared address type, whose fields can be null; the wider side is taken';

export const disagreements = {
  'account.charges_enabled': { npm: 'boolean', pypi: 'boolean | null', take: { optional: true }, why: absentInApi },
  'account.details_submitted': { npm: 'boolean', pypi: 'boolean | null', take: { optional: true }, why: absentInApi },
  'account.payouts_enabled': { npm: 'boolean', pypi: 'boolean | null', take: { optional: true }, why: absentInApi },
  'account.type': {
    npm: 'open enum<custom express none standard>',
    pypi: 'open enum<custom express none standard> | null',
    take: { optional: true },
    why: absentInApi,
  },
  'customer.balance': { npm: 'integer', pypi: 'integer | null', take: { optional: true }, why: absentInApi },
  'customer.invoice_settings': { npm: '{}', pypi: '{} | null', take: { optional: true }, why: absentInApi },
  'customer.metadata': { npm: 'map<string>', pypi: 'map<string> | null', take: { optional: true }, why: absentInApi },
  'person.account': { npm: 'string', pypi: 'string | null', take: { optional: true }, why: absentInApi },
  'deleted_bank_account.currency': {
    npm: 'string | null',
    pypi: 'string',
    take: {},
    why: 'PyPI has no type for the stub; its bank account always has a currency',
  },
  'financial_connections.account.account_holder.account': {
    npm: 'expandable<financial_connections.account> | null',
    pypi: 'expandable<account> | null',
    take: { of: ['account'] },
    why: 'npm means Account, but the file declares another interface of that name',
  },
  ...Object.fromEntries(
    ['city', 'country', 'line1', 'line2', 'postal_code', 'state', 'town'].map((field) => [
      `v2.money_management.financial_address.bank_account.aba.address.${field}`,
      { npm: 'string | null', pypi: 'string', take: {}, why: sharedAddress },
    ]),
  ),
};

// Points in time that the rule of times.mjs does not recognise (or recognises wrongly).
export const times = {
  'v2.core.account.future_requirements.minimum_transition_date': 'datetime',
  'v2.core.account.identity.individual.updated': 'datetime',
  'v2.core.event_destination.created': 'datetime',
  'v2.core.event_destination.updated': 'datetime',
};
