// The snapshot events of npm `stripe` and the objects they carry.
import { undeclared } from './exceptions.mjs';
import { fail } from './source.mjs';

const unused = new Set(Object.keys(undeclared));

/** Fails naming what only one of two lists of names has. */
export function same(whatA, a, whatB, b) {
  const [setA, setB] = [new Set(a), new Set(b)];
  const onlyA = [...setA].filter((x) => !setB.has(x));
  const onlyB = [...setB].filter((x) => !setA.has(x));
  if (onlyA.length || onlyB.length) {
    fail(`${whatA} and ${whatB} differ: only the first has [${onlyA}], only the second has [${onlyB}]`);
  }
  if (setA.size !== a.length) fail(`${whatA} names a type twice`);
}

export const literalType = (stripe, declaration) => stripe.literalsOf(stripe.ownMember(declaration, 'type').type)[0];

/** The interfaces of the union `A | B | …`. */
export function interfacesOf(stripe, union) {
  return union.types.map(
    (t) => stripe.declarationOf(t) ?? fail(`an event interface was expected: ${stripe.place(t)}`),
  );
}

export function readSnapshotEvents(stripe, reader) {
  const events = new Map();
  for (const declaration of interfacesOf(stripe, stripe.snapshotUnion())) {
    const data = stripe.declarationOf(stripe.member(declaration, 'data').type);
    const type = literalType(stripe, declaration);
    if (events.has(type)) fail(`two interfaces are the event ${type}`);
    events.set(type, { type, objects: objectsOf(stripe, reader, type, stripe.member(data, 'object').type) });
  }
  same('the union Event', [...events.keys()], 'Event.Type', stripe.literalsOf(stripe.eventTypes()));
  for (const params of ['WebhookEndpointCreateParams', 'WebhookEndpointUpdateParams']) {
    const enabled = stripe.literalsOf(stripe.enabledEvents(params));
    if (!enabled.includes('*')) fail(`${params}.EnabledEvent lacks *`);
    same('the union Event', [...events.keys()], `${params}.EnabledEvent`, enabled.filter((t) => t !== '*'));
  }
  return events;
}

function objectsOf(stripe, reader, type, node) {
  const declaration = stripe.ts.isTypeReferenceNode(node) ? stripe.declarationOf(node) : null;
  if (declaration && stripe.ts.isInterfaceDeclaration(declaration) && declaration.members.length === 0) {
    unused.delete(type);
    return undeclared[type]?.objects ?? fail(`the event ${type} carries any object: ${stripe.place(node)}`);
  }
  return reader.namesOf(node);
}

/** Exceptions that no event asked for. */
export const unusedEvents = () => [...unused];
