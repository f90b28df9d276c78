// The event types of npm `stripe` and the objects they carry.
import { fail } from './source.mjs';

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

const literalType = (stripe, declaration) => stripe.literalsOf(stripe.ownMember(declaration, 'type').type)[0];

/** The interfaces of the union `type NAME = A | B | …` of a file. */
function unionOf(stripe, file, name) {
  return stripe.topLevel(file, name).type.types.map(
    (t) => stripe.declarationOf(t) ?? fail(`an event interface was expected: ${stripe.place(t)}`),
  );
}

/** A type inside `namespace PATH…` of a file. */
function inNamespace(stripe, file, path) {
  const { ts } = stripe;
  let statements = [file.statements];
  const names = [...path];
  const last = names.pop();
  for (const name of names) {
    statements = statements.flat()
      .filter((s) => ts.isModuleDeclaration(s) && s.name.text === name)
      .map((s) => s.body.statements);
  }
  const found = statements.flat().filter((s) => ts.isTypeAliasDeclaration(s) && s.name.text === last);
  return found.length === 1 ? found[0] : fail(`${path.join('.')} was not found once`);
}

export function readSnapshotEvents(stripe, reader) {
  const file = stripe.sourceFile('resources/Events.d.ts');
  const events = new Map();
  for (const declaration of unionOf(stripe, file, 'Event')) {
    const data = stripe.declarationOf(stripe.member(declaration, 'data').type);
    const type = literalType(stripe, declaration);
    if (events.has(type)) fail(`two interfaces are the event ${type}`);
    events.set(type, { type, objects: reader.namesOf(stripe.member(data, 'object').type) });
  }
  same('the union Event', [...events.keys()],
    'Event.Type', stripe.literalsOf(inNamespace(stripe, file, ['Event', 'Type']).type));

  const endpoints = stripe.sourceFile('resources/WebhookEndpoints.d.ts');
  for (const params of ['WebhookEndpointCreateParams', 'WebhookEndpointUpdateParams']) {
    const enabled = stripe.literalsOf(inNamespace(stripe, endpoints, [params, 'EnabledEvent']).type);
    if (!enabled.includes('*')) fail(`${params}.EnabledEvent lacks *`);
    same('the union Event', [...events.keys()], `${params}.EnabledEvent`, enabled.filter((t) => t !== '*'));
  }
  return events;
}

const related = {
  'V2.Core.Events.RelatedObject': 'object',
  'V2.Core.Events.RelatedSingletonObject': 'singleton',
};

function readThinEvent(stripe, reader, declaration) {
  const type = literalType(stripe, declaration);
  const reference = stripe.ownMember(declaration, 'related_object');
  const fetched = stripe.ownMember(declaration, 'fetchRelatedObject');
  if (Boolean(reference) !== Boolean(fetched)) fail(`${type} has only one of related_object and fetchRelatedObject`);
  if (!reference) return { type, related: null, objects: [] };
  const kind = related[reference.type.getText()] ?? fail(`a related object that is not understood: ${stripe.place(reference)}`);
  if (fetched.type.typeName?.getText() !== 'Promise') fail(`a Promise was expected: ${stripe.place(fetched)}`);
  return { type, related: kind, objects: reader.namesOf(fetched.type.typeArguments[0]) };
}

export function readThinEvents(stripe, reader) {
  const file = stripe.sourceFile('resources/V2/Core/Events.d.ts');
  const events = new Map();
  for (const declaration of unionOf(stripe, file, 'Event')) {
    const event = readThinEvent(stripe, reader, declaration);
    if (events.has(event.type)) fail(`two interfaces are the event ${event.type}`);
    event.data = stripe.ownMember(declaration, 'data') !== null;
    events.set(event.type, event);
  }
  const notifications = new Map();
  for (const declaration of unionOf(stripe, file, 'EventNotification')) {
    const event = readThinEvent(stripe, reader, declaration);
    if (stripe.ownMember(declaration, 'data')) fail(`the notification ${event.type} has data`);
    notifications.set(event.type, event);
  }
  same('the union V2 Event', [...events.keys()], 'the union EventNotification', [...notifications.keys()]);
  for (const [type, event] of events) {
    const notified = notifications.get(type);
    if (notified.related !== event.related || `${notified.objects}` !== `${event.objects}`) {
      fail(`the event ${type} and its notification have different related objects`);
    }
  }
  return events;
}
