// Opens the declarations of npm `stripe` before 22: files in `types`, all of which add to one namespace `Stripe`.
import ts from 'typescript';
import { aliasesIn, fail, lookups, namespaceIn, parse } from './source.mjs';

/** The files `…Resource.d.ts` declare methods and their parameters; only the list of events of an endpoint is needed. */
const isNeeded = (name) => !name.endsWith('Resource.d.ts') || name === 'WebhookEndpointsResource.d.ts';

export function openNamespace(folder) {
  const program = parse(folder, 'types', isNeeded);
  const stripe = lookups(folder, program);
  const checker = program.getTypeChecker();

  /** All statements of the namespace `Stripe`, of all files. */
  const all = program.getSourceFiles().flatMap((file) => namespaceIn(namespaceIn([...file.statements], 'stripe'), 'Stripe'));

  const typesAt = (names) => aliasesIn(names.slice(0, -1).reduce(namespaceIn, all), names.at(-1)).map((alias) => alias.type);

  /** The one type `A.B.NAME`. */
  const typeAt = (...names) => {
    const found = typesAt(names);
    return found.length === 1 ? found[0] : fail(`npm stripe ${stripe.version} has no type ${names.join('.')}`);
  };

  /** Thin events came with acacia; until basil they were in `Stripe.V2`, and had no notifications. */
  const thinTypes = (name) => [...typesAt(['V2', 'Core', name]), ...typesAt(['V2', name])];

  return {
    ...stripe,
    /** Whether an interface stands by itself, not in the namespace of the object it belongs to. */
    isTopLevel: (declaration) => {
      const namespace = checker.getSymbolAtLocation(declaration.parent.parent.name);
      return !(namespace.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias));
    },
    snapshotUnion: () => typeAt('Event'),
    eventTypes: () => typeAt('Event', 'Type'),
    enabledEvents: (params) => typeAt(params, 'EnabledEvent'),
    thinUnion: () => thinTypes('Event')[0] ?? null,
    notificationUnion: () => thinTypes('EventNotification')[0] ?? null,
  };
}
